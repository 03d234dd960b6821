#include <algorithm>

#include "tests/simulation/actors.hpp"

namespace postern::test {
namespace {

std::string_view value_of(const Head& head, const char* buffer, std::string_view name) {
  for (const Field& field : head.all())
    if (iequals(field.name.of(buffer), name)) return field.value.of(buffer);
  return {};
}

}  // namespace

ClientActor::ClientActor(Connection line, std::vector<Wish*> wishes, Draws& draws, Faults faults)
    : line_(std::move(line)),
      wishes_(std::move(wishes)),
      draws_(draws),
      faults_(faults),
      lazy_(draws.one_in(4)) {
  for (const Wish* wish : wishes_) out_ += wish->bytes;
}

void ClientActor::act() {
  if (done()) return;
  if (faults_.any && draws_.one_in(400)) return line_.close();
  if (faults_.any && draws_.one_in(400)) line_.end();
  if (!line_.broken() && said_ < out_.size() && !draws_.one_in(3)) {
    const std::size_t piece = draws_.one_in(2) ? 1 + draws_.below(40) : 1 + draws_.below(20'000);
    said_ += line_.say(std::string_view(out_).substr(said_, piece));
  }
  if (!draws_.one_in(lazy_ ? 2 : 5)) line_.hear(heard_, 1 + draws_.below(lazy_ ? 200 : 30'000));
}

ClientActor::Seen ClientActor::next_answer(Wish& wish, std::size_t& at, bool& closes, std::string& wrong) {
  for (;;) {
    if (at == heard_.size()) return Seen::nothing_more;
    ResponseReader reader;
    ResponseHead head;
    const char* const buffer = heard_.data() + at;
    const HeadStatus status = reader.feed({buffer, heard_.size() - at}, head);
    if (status == HeadStatus::incomplete) return Seen::incomplete;
    if (status == HeadStatus::refused) {
      wrong = "an answer that is none: " + heard_.substr(at, 200);
      return Seen::wrong;
    }
    at += head.size;
    if (head.status < 200) continue;

    closes = head.connection_close;
    BodyReader body;
    body.begin(response_framing(head, wish.method == "HEAD"), head.content_length);
    std::string rest = heard_.substr(at);
    Window window{0, static_cast<std::uint32_t>(rest.size())};
    const BodyReader::Taken taken = body.take(rest.data(), window);
    const bool complete = body.finished() || (line_.ended() && !line_.broken() && body.end_of_stream());
    const std::string tag(value_of(head, buffer, "X-Tag"));
    const std::string data(taken.data);
    at += window.begin;
    if (taken.malformed) wrong = "an answer's body breaks its framing";
    if (tag.empty()) {  // postern's own
      if (value_of(head, buffer, "Content-Type") != "application/problem+json")
        wrong = "an answer from nowhere";
      if (head.status == 401 && wish.granted) wrong = "refused, though the rule lets it pass";
      if (!faults_.any && wish.granted)
        wrong = "refused without a fault: " + heard_.substr(at - window.begin - head.size, 600);
    } else if (!faults_.unsolicited) {
      const std::string& expected =
          wish.method == "HEAD" || wish.status == 204 ? std::string() : wish.answer_body;
      if (tag != std::to_string(wish.number))
        wrong = "the answer to " + tag + " was given to " + std::to_string(wish.number);
      if (!wish.granted) wrong = "an answer of the upstream to a request that may not pass";
      if (head.status != wish.status) wrong = "another status";
      if (data != expected.substr(0, data.size()) || (data.size() > expected.size())) wrong = "another body";
      // An answer that ends with its connection cannot be told from one that was cut off.
      const bool may_be_short = wish.framing == Framing::until_close && faults_.any;
      if (complete && data != expected && !may_be_short) wrong = "half an answer taken for a whole one";
    }
    if (!wrong.empty()) return Seen::wrong;
    return complete ? Seen::answer : Seen::incomplete;
  }
}

bool ClientActor::satisfied() {
  if (done()) return true;
  std::size_t at = 0;
  for (Wish* wish : wishes_) {
    bool closes = false;
    std::string wrong;
    if (next_answer(*wish, at, closes, wrong) != Seen::answer) return false;
    if (closes) return line_.ended();
  }
  return true;
}

std::string ClientActor::reckon() {
  std::size_t at = 0;
  for (Wish* wish : wishes_) {
    bool closes = false;
    std::string wrong;
    switch (next_answer(*wish, at, closes, wrong)) {
      case Seen::wrong:
        return wrong;
      case Seen::nothing_more:
      case Seen::incomplete:
        return faults_.any ? "" : "request " + std::to_string(wish->number) + " was not answered";
      case Seen::answer:
        break;
    }
    if (closes) break;
  }
  return at == heard_.size() ? "" : "bytes after the last answer: " + heard_.substr(at, 300);
}

}  // namespace postern::test
