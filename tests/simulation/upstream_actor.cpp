#include <algorithm>
#include <charconv>

#include "proxy/head_writer.hpp"
#include "tests/simulation/actors.hpp"

namespace postern::test {

UpstreamActor::UpstreamActor(Connection line, Wishes& wishes, Draws& draws, Faults faults,
                             std::string_view token)
    : line_(std::move(line)), wishes_(wishes), draws_(draws), faults_(faults), token_(token) {}

void UpstreamActor::act() {
  if (gone()) return;
  if (faults_.any && draws_.one_in(500)) return line_.close();
  if (!draws_.one_in(4)) {
    line_.hear(heard_, 1 + draws_.below(30'000));
    read();
  }
  if (answering_ && !draws_.one_in(4)) say();
  if (line_.ended() && !answering_) line_.close();
}

void UpstreamActor::read() {
  if (heard_.find(token_) != std::string::npos) wrong_ = "the credential reached the upstream";
  if (wish_ == nullptr) take_head();
  if (wish_ == nullptr || !wrong_.empty()) return;
  if (!body_.finished()) {
    Window window{0, static_cast<std::uint32_t>(heard_.size() - at_)};
    const BodyReader::Taken taken = body_.take(heard_.data() + at_, window);
    body_read_ += taken.data;
    if (taken.malformed) wrong_ = "a body whose framing is broken";
    at_ += window.begin;
    if (body_read_ != wish_->body.substr(0, body_read_.size())) wrong_ = "another body";
    if (body_.finished() && body_read_ != wish_->body) wrong_ = "half a body taken for a whole one";
  }
  if (!answering_ && !silent_ && (body_.finished() || wish_->early)) prepare_answer();
}

void UpstreamActor::take_head() {
  if (heard_.size() == at_) return;
  heard_.erase(0, at_);
  at_ = 0;
  reader_.reset();
  const HeadStatus status = reader_.feed(heard_, head_);
  if (status == HeadStatus::incomplete) return;
  if (status == HeadStatus::refused) {
    wrong_ = "a request that is none: " + heard_.substr(0, 200);
    return;
  }
  const char* const buffer = heard_.data();
  std::uint64_t number = 0;
  int subjects = 0;
  for (const Field& field : head_.all()) {
    const std::string_view name = field.name.of(buffer);
    const std::string_view value = field.value.of(buffer);
    if (iequals(name, "X-Tag")) std::from_chars(value.data(), value.data() + value.size(), number);
    if (iequals(name, "X-Subject-Type")) ++subjects;
    if (value == "root") wrong_ = "a subject that was made up reached the upstream";
  }
  const auto found = wishes_.find(number);
  if (found == wishes_.end()) {
    wrong_ = "a request that nobody made";
    return;
  }
  Wish& wish = found->second;
  if (!wish.granted) wrong_ = "a request that may not pass reached the upstream";
  if (subjects != 1) wrong_ = "not exactly one subject";
  if (head_.method.of(buffer) != wish.method) wrong_ = "another method";
  if (++wish.arrivals > (wish.repeatable ? 2 : 1)) wrong_ = "a request was sent again that must not be";
  wish_ = &wish;
  at_ = head_.size;
  body_.begin(head_.framing, head_.content_length);
  body_read_.clear();
  silent_ = faults_.any && draws_.one_in(30);
}

void UpstreamActor::prepare_answer() {
  const Wish& wish = *wish_;
  if (draws_.one_in(6)) out_ += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  out_ += "HTTP/1.1 " + std::to_string(wish.status) + " X\r\nX-Tag: " + std::to_string(wish.number) + "\r\n";
  const bool has_body = wish.status != 204 && wish.method != "HEAD";
  if (wish.status != 204 && wish.framing == Framing::length)
    out_ += "Content-Length: " + std::to_string(wish.answer_body.size()) + "\r\n";
  if (wish.status != 204 && wish.framing == Framing::chunked) out_ += "Transfer-Encoding: chunked\r\n";
  out_ += "\r\n";
  if (has_body && wish.framing == Framing::chunked) {
    for (std::size_t at = 0; at < wish.answer_body.size();) {
      const std::size_t size = std::min<std::size_t>(1 + draws_.below(30'000), wish.answer_body.size() - at);
      char line[18];
      out_ += std::string(chunk_size_line(size, line)) + wish.answer_body.substr(at, size) + "\r\n";
      at += size;
    }
    out_ += draws_.one_in(2) ? "0\r\n\r\n" : "0\r\nX-Trailer: 1\r\n\r\n";
  } else if (has_body) {
    out_ += wish.answer_body;
  }
  if (faults_.any && draws_.one_in(8)) breaks_at_ = draws_.below(out_.size() + 1);
  // Bytes that nobody asked for; after an answer that ends with its connection they would be its body.
  const bool delimited = !has_body || wish.framing != Framing::until_close;
  if (faults_.unsolicited && delimited && draws_.one_in(8))
    out_ += "HTTP/1.1 200 OK\r\nX-Tag: 0\r\nContent-Length: 0\r\n\r\n";
  answering_ = true;
}

void UpstreamActor::say() {
  const std::size_t end = std::min(out_.size(), breaks_at_);
  const std::size_t piece = draws_.one_in(2) ? 1 + draws_.below(60) : 1 + draws_.below(30'000);
  said_ += line_.say(std::string_view(out_).substr(said_, std::min(piece, end - said_)));
  if (line_.broken() || (said_ == end && breaks_at_ != std::string::npos)) return line_.close();
  if (said_ < out_.size()) return;
  const bool ends = wish_->framing == Framing::until_close && wish_->status != 204 && wish_->method != "HEAD";
  // What was answered before it was read to the end leaves a connection of no use.
  if (ends || !body_.finished() || draws_.one_in(10)) return line_.close();
  answering_ = false;
  wish_ = nullptr;
  out_.clear();
  said_ = 0;
}

}  // namespace postern::test
