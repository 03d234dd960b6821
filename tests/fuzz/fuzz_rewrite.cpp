// Any head that is read, rewritten: what we write is read again without doubt, by the same strict reader. A
// head that starts with "HTTP/" is an answer, any other a request.

#include <memory>
#include <string>

#include "policy/target.hpp"
#include "proxy/head_writer.hpp"
#include "tests/fuzz/segmented.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

const HeaderRules rules("X-Subject-");
constexpr std::string_view subject_id = "injected";
constexpr std::string_view subject_block = "X-Subject-Id: injected\r\nX-Subject-Type: token\r\n";
constexpr std::size_t room =
    limits::head_bytes_max + limits::subject_block_bytes_max + 2048;  // as in Exchange

/// Decides what the bytes themselves leave open, by a hash of them.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : segments_(bytes, 7) {}
  bool next() { return segments_.next() % 2 != 0; }

 private:
  Segments segments_;
};

/// A name as the laxest upstream reads it: lower case, what is neither letter nor digit is '-', edges do not
/// count.
std::string folded(std::string_view name) {
  std::string text;
  for (const char byte : name) text += fold_name_byte(byte);
  const std::size_t first = text.find_first_not_of('-');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of('-') - first + 1);
}

bool is_hop_by_hop(std::string_view name) {
  for (const std::string_view known : {"keep-alive", "proxy-connection", "proxy-authorization",
                                       "proxy-authenticate", "te", "trailer", "http2-settings"})
    if (name == known) return true;
  return false;
}

bool beyond_a_limit(HeadError error) {
  return error == HeadError::head_too_long || error == HeadError::too_many_fields;
}

/// How often each name that decides something stands in a written head.
struct Census {
  int host = 0, length = 0, coding = 0, connection = 0, upgrade = 0, expect = 0, request_id = 0,
      traceparent = 0, subject = 0;
};

Census count(const Head& head, const char* buffer) {
  Census census;
  for (const Field& field : head.all()) {
    const std::string name = folded(field.name.of(buffer));
    census.host += name == "host";
    census.length += name == "content-length";
    census.coding += name == "transfer-encoding";
    census.connection += name == "connection";
    census.upgrade += name == "upgrade";
    census.expect += name == "expect";
    census.request_id += name == "x-request-id";
    census.traceparent += name == "traceparent";
    require(!is_hop_by_hop(name), "a hop-by-hop field was passed on");
  }
  return census;
}

void check_written_request(const RequestHead& head, const char* buffer, const RequestRewrite& rewrite,
                           std::string_view path) {
  require(head.form == TargetForm::origin || head.form == TargetForm::asterisk,
          "another form than was matched");
  const std::string_view target = head.target.of(buffer);
  require(target.substr(0, target.find('?')) == path, "another path than was matched");
  require(head.minor == 1, "not HTTP/1.1");
  require(head.framing == rewrite.framing &&
              (head.framing != Framing::length || head.content_length == rewrite.content_length),
          "another framing than was decided");
  Census census = count(head, buffer);
  int forwarded_for = 0;
  for (const Field& field : head.all()) {
    const std::string_view written = field.name.of(buffer);
    const std::string name = folded(written);
    require(name != "authorization", "the credential was passed on");
    require(written.find('_') == std::string_view::npos, "a name with an underscore was passed on");
    if (rules.reserved(written)) ++census.subject;
    if (written == "X-Subject-Id")
      require(field.value.of(buffer) == subject_id, "a reserved value was passed on");
    const bool fact = name.starts_with("x-forwarded-") || name.starts_with("x-original-") ||
                      name == "x-real-ip" || name == "forwarded" || name == "x-rewrite-url" ||
                      name == "x-http-method-override";
    const bool ours =
        written == "X-Forwarded-For" || written == "X-Forwarded-Proto" || written == "X-Forwarded-Host";
    require(!fact || ours || rewrite.trusted_peer, "a stranger's forwarding fact was passed on");
    if (iequals(written, "X-Forwarded-For")) {
      ++forwarded_for;
      require(field.value.of(buffer).ends_with(rewrite.client_address), "the client's address is not last");
    }
  }
  require(census.subject == 2, "a reserved name beside the injected ones");
  require(forwarded_for == 1, "not one forwarded address");
  require(census.host == 1 && census.request_id == 1 && census.traceparent == 1,
          "what we set stands there twice");
  require(census.length == (rewrite.framing == Framing::length) &&
              census.coding == (rewrite.framing == Framing::chunked),
          "not exactly one framing");
  require(census.connection == rewrite.upgrade && census.upgrade == rewrite.upgrade,
          "Connection is not ours");
  require(census.expect == rewrite.expect_continue, "Expect is not ours");
}

void rewrite_request(std::string_view bytes) {
  RequestReader reader;
  const auto head = std::make_unique<RequestHead>();
  if (reader.feed(bytes, *head) != HeadStatus::complete) return;
  const char* const buffer = bytes.data();

  char path_text[limits::target_bytes_max];
  policy::CanonicalPath path;
  path.text = "*";
  if (head->form == TargetForm::authority) return;
  if (head->form != TargetForm::asterisk) {
    const std::string_view raw = head->path.size == 0 ? std::string_view("/") : head->path.of(buffer);
    if (policy::canonical_path(raw, path_text, path) != policy::TargetError::none) return;
  }
  char host_text[limits::host_bytes_max];
  policy::CanonicalHost host;
  host.name = "upstream";
  if (head->has_host)
    require(policy::canonical_host(head->host.of(buffer), host_text, host),
            "a host was read that has no canonical form");

  Choices choices(bytes);
  RequestRewrite rewrite;
  rewrite.path = path.text;
  rewrite.host = host.name;
  rewrite.client_address = "192.0.2.1";
  rewrite.request_id = "r1";
  rewrite.traceparent = "00-t";
  rewrite.subject_block = subject_block;
  rewrite.trusted_peer = choices.next();
  rewrite.upgrade = head->framing == Framing::none && choices.next();
  rewrite.expect_continue = head->expect_continue && choices.next();
  rewrite.framing = head->framing;
  rewrite.content_length = head->content_length;

  const std::unique_ptr<char[]> written(new char[room]);
  TextWriter out({written.get(), room});
  const RewriteError error = write_request_head(*head, buffer, rules, rewrite, out);
  require(error != RewriteError::too_long, "a head that was read has no room when it is written");
  if (error != RewriteError::none) return;

  RequestReader again;
  const auto second = std::make_unique<RequestHead>();
  if (again.feed(out.view(), *second) != HeadStatus::complete) {
    require(beyond_a_limit(again.error()), "a written head is not accepted");
    return;
  }
  require(second->size == out.size(), "a written head ends early");
  require(second->method.of(out.view().data()) == head->method.of(buffer), "another method");
  check_written_request(*second, out.view().data(), rewrite, path.text);
}

void rewrite_response(std::string_view bytes) {
  ResponseReader reader;
  const auto head = std::make_unique<ResponseHead>();
  if (reader.feed(bytes, *head) != HeadStatus::complete) return;
  Choices choices(bytes);
  const Framing framing = response_framing(*head, choices.next());
  ResponseRewrite rewrite;
  rewrite.request_id = "r1";
  rewrite.client_http10 = choices.next();
  const bool unknown = framing == Framing::chunked || framing == Framing::until_close;
  rewrite.framing = !unknown ? framing : rewrite.client_http10 ? Framing::none : Framing::chunked;
  rewrite.content_length = head->content_length;
  rewrite.keep_length = framing == Framing::none && head->status >= 200 && head->status != 204;
  rewrite.upgrade = head->status == 101;
  rewrite.close = choices.next();

  const std::unique_ptr<char[]> written(new char[room]);
  TextWriter out({written.get(), room});
  if (!write_response_head(*head, bytes.data(), rewrite, out)) return;
  ResponseReader again;
  const auto second = std::make_unique<ResponseHead>();
  if (again.feed(out.view(), *second) != HeadStatus::complete) {
    require(beyond_a_limit(again.error()), "a written head is not accepted");
    return;
  }
  require(second->size == out.size(), "a written head ends early");
  require(second->status == head->status && second->minor == 1, "another status line");
  // An upstream's aliases (`Content_Length`) are the client's to read: only real names frame what we send.
  int lengths = 0, codings = 0, connections = 0, ids = 0;
  for (const Field& field : second->all()) {
    lengths += field.known == FieldName::content_length;
    codings += field.known == FieldName::transfer_encoding;
    connections += field.known == FieldName::connection;
    ids += field.known == FieldName::x_request_id;
    require(response_field_passes(field) || field.known == FieldName::content_length ||
                field.known == FieldName::transfer_encoding || field.known == FieldName::connection ||
                field.known == FieldName::x_request_id ||
                (field.known == FieldName::upgrade && rewrite.upgrade),
            "a hop-by-hop field was passed on");
  }
  require(ids == (head->status >= 200), "not one request id");
  require(codings == (rewrite.framing == Framing::chunked), "not exactly one framing");
  if (rewrite.keep_length)
    require(lengths <= 1 && (lengths == 0 || second->content_length == head->content_length),
            "another length");
  else
    require(lengths == (rewrite.framing == Framing::length), "not exactly one framing");
  require(connections == (rewrite.upgrade || rewrite.close || rewrite.client_http10),
          "Connection is not ours");
  require(second->connection_close == (rewrite.close && !rewrite.upgrade), "close is not told");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("HTTP/"))
    rewrite_response(bytes);
  else
    rewrite_request(bytes);
  return 0;
}
