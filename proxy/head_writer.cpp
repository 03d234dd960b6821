#include "proxy/head_writer.hpp"

#include <charconv>

#include "proxy/answer.hpp"

namespace postern {
namespace {

/// Copies the raw lines of fields that pass, whole runs of neighbours at once.
class LineCopier {
 public:
  LineCopier(const Head& head, const char* buffer, TextWriter& out) noexcept
      : head_(head), buffer_(buffer), out_(out) {}

  void pass(std::size_t i) noexcept {
    if (run_begin_ == run_end_) run_begin_ = line_begin(i);
    run_end_ = line_begin(i + 1);
  }
  void drop() noexcept { flush(); }
  /// Passes a line without a piece of its value.
  void pass_without(std::size_t i, Slice piece) noexcept {
    flush();
    const std::size_t begin = line_begin(i);
    const std::size_t after = piece.begin + piece.size;
    out_.put({buffer_ + begin, piece.begin - begin});
    out_.put({buffer_ + after, line_begin(i + 1) - after});
  }
  void flush() noexcept {
    out_.put({buffer_ + run_begin_, run_end_ - run_begin_});
    run_begin_ = run_end_ = 0;
  }

 private:
  [[nodiscard]] std::size_t line_begin(std::size_t i) const noexcept {
    return i < head_.field_count ? head_.fields[i].name.begin : head_.size - 2;  // before the last CRLF
  }

  const Head& head_;
  const char* buffer_;
  TextWriter& out_;
  std::size_t run_begin_ = 0;
  std::size_t run_end_ = 0;
};

/// `name` with its colon and space: a literal, whose size is then known where it is copied.
[[gnu::always_inline]] inline void put_field(TextWriter& out, std::string_view name,
                                             std::string_view value) noexcept {
  out.put(name);
  out.put(value);
  out.put("\r\n");
}

void put_framing(TextWriter& out, Framing framing, std::uint64_t length) noexcept {
  if (framing == Framing::chunked) out.put("Transfer-Encoding: chunked\r\n");
  if (framing == Framing::length) {
    out.put("Content-Length: ");
    out.put_number(length);
    out.put("\r\n");
  }
}

/// What trusted peers said so far, then the address of this one.
void put_forwarded_for(const RequestHead& head, const char* buffer, const RequestRewrite& rewrite,
                       TextWriter& out) noexcept {
  if (rewrite.client_address.empty()) return;
  out.put("X-Forwarded-For: ");
  if (rewrite.trusted_peer) {
    for (const Field& field : head.all()) {
      if (field.known != FieldName::x_forwarded || !iequals(field.name.of(buffer), "X-Forwarded-For"))
        continue;
      if (field.value.size == 0) continue;
      out.put(field.value.of(buffer));
      out.put(", ");
    }
  }
  out.put(rewrite.client_address);
  out.put("\r\n");
}

/// Whether a fact told by a trusted peer has passed; one that Connection named has not.
bool has_passed(const RequestHead& head, const char* buffer, const Nominated& nominated,
                std::string_view name) noexcept {
  if (nominated.contains(name)) return false;
  for (const Field& field : head.all())
    if (field.known == FieldName::x_forwarded && iequals(field.name.of(buffer), name)) return true;
  return false;
}

void put_forwarding_facts(const RequestHead& head, const char* buffer, const Nominated& nominated,
                          const RequestRewrite& rewrite, TextWriter& out) noexcept {
  put_forwarded_for(head, buffer, rewrite, out);
  if (!rewrite.trusted_peer || !has_passed(head, buffer, nominated, "X-Forwarded-Proto"))
    put_field(out, "X-Forwarded-Proto: ", rewrite.protocol);
  if (head.has_host && (!rewrite.trusted_peer || !has_passed(head, buffer, nominated, "X-Forwarded-Host")))
    put_field(out, "X-Forwarded-Host: ", head.host.of(buffer));
}

void put_query(const RequestHead& head, const char* buffer, const CredentialCut& cut,
               TextWriter& out) noexcept {
  if (!head.has_query) return;
  const QueryRest rest = query_without(head, buffer, cut);
  if (cut.query && rest.first.empty() && rest.second.empty()) return;
  out.put('?');
  out.put(rest.first);
  out.put(rest.second);
}

bool is_mark(std::string_view name) noexcept {
  return iequals(name, "Deprecation") || iequals(name, "Sunset");
}

/// Whether the upstream's answer keeps shared caches out itself.
bool says_private(const ResponseHead& head, const char* buffer) noexcept {
  bool found = false;
  for (const Field& field : head.all()) {
    if (!iequals(field.name.of(buffer), "Cache-Control")) continue;
    for_each_token(field.value.of(buffer), [&found](std::string_view directive) {
      found = found || iequals(directive, "private") || iequals(directive, "no-store");
    });
  }
  return found;
}

}  // namespace

RewriteError write_request_head(const RequestHead& head, const char* buffer, const HeaderRules& rules,
                                const RequestRewrite& rewrite, TextWriter& out) noexcept {
  Nominated nominated;
  if (!nominated.collect(head, buffer, &rules)) return RewriteError::ambiguous_field;

  out.put(head.method.of(buffer));
  out.put(' ');
  out.put(rewrite.path);
  put_query(head, buffer, rewrite.credential_cut, out);
  out.put(" HTTP/1.1\r\n");
  // A request of HTTP/1.0 without Host still needs one in HTTP/1.1, and an empty one is the right one (RFC
  // 9112 §3.2).
  put_field(out, "Host: ", rewrite.host);

  const InjectedHeaders* own =
      rewrite.own_headers && !rewrite.own_headers->empty() ? rewrite.own_headers : nullptr;
  LineCopier lines(head, buffer, out);
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const Field& field = head.fields[i];
    const std::string_view name = field.name.of(buffer);
    const FieldFate fate = rules.request_field(name, field, rewrite.trusted_peer);
    if (fate == FieldFate::refuse) return RewriteError::ambiguous_field;
    const bool stray_state = field.known == FieldName::tracestate && !rewrite.trace_continued;
    const bool announces = rewrite.trailers && field.known == FieldName::trailer;
    const bool passes = (fate == FieldFate::pass || announces) && !stray_state &&
                        !(own && own->covers(name)) && !rewrite.credential_cut.dropped[i] &&
                        (nominated.empty() || !nominated.contains(name));
    if (!passes)
      lines.drop();
    else if (i == rewrite.credential_cut.field)
      lines.pass_without(i, rewrite.credential_cut.piece);
    else
      lines.pass(i);
  }
  lines.flush();

  put_forwarding_facts(head, buffer, nominated, rewrite, out);
  put_field(out, "X-Request-Id: ", rewrite.request_id);
  put_field(out, "traceparent: ", rewrite.traceparent);
  out.put(rewrite.subject_block);
  if (own) out.put(own->lines());
  if (rewrite.upgrade)
    out.put("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  else if (rewrite.trailers)
    out.put("Connection: TE\r\nTE: trailers\r\n");
  if (rewrite.expect_continue) out.put("Expect: 100-continue\r\n");
  put_framing(out, rewrite.framing, rewrite.content_length);
  out.put("\r\n");
  return out.overflowed() ? RewriteError::too_long : RewriteError::none;
}

bool write_response_head(const ResponseHead& head, const char* buffer, const ResponseRewrite& rewrite,
                         TextWriter& out) noexcept {
  Nominated nominated;
  if (!nominated.collect(head, buffer, nullptr)) return false;

  out.put("HTTP/1.1 ");
  out.put_number(head.status);
  out.put(' ');
  out.put(reason_phrase(head.status));
  out.put("\r\n");

  LineCopier lines(head, buffer, out);
  for (std::size_t i = 0; i < head.field_count; ++i) {
    const Field& field = head.fields[i];
    const bool length_kept = rewrite.keep_length && field.known == FieldName::content_length;
    const bool announces = rewrite.trailers && field.known == FieldName::trailer;
    const bool ours = rewrite.owns_token_expires && iequals(field.name.of(buffer), "X-Token-Expires");
    const bool passes = length_kept || announces || (response_field_passes(field) && !ours);
    const bool replaced = !rewrite.rule_lines.empty() && is_mark(field.name.of(buffer));
    if (passes && !replaced && (nominated.empty() || !nominated.contains(field.name.of(buffer))))
      lines.pass(i);
    else
      lines.drop();
  }
  lines.flush();

  if (!rewrite.date.empty()) put_field(out, "Date: ", rewrite.date);
  if (head.status >= 200) put_field(out, "X-Request-Id: ", rewrite.request_id);
  if (!rewrite.token_expires.empty() && head.status >= 200)
    put_field(out, "X-Token-Expires: ", rewrite.token_expires);
  if (head.status >= 200) out.put(rewrite.rule_lines);
  // Also beside a `public` of the upstream, which does not know of the credential: the stricter one holds.
  if (rewrite.is_private && head.status >= 200 && !says_private(head, buffer))
    put_field(out, "Cache-Control: ", "private");
  if (!rewrite.keep_length) put_framing(out, rewrite.framing, rewrite.content_length);
  if (rewrite.upgrade)
    out.put("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  else if (rewrite.close)
    out.put("Connection: close\r\n");
  else if (rewrite.client_http10)
    out.put("Connection: keep-alive\r\n");
  out.put("\r\n");
  return !out.overflowed();
}

std::string_view chunk_size_line(std::size_t size, std::span<char> out) noexcept {
  const auto end = std::to_chars(out.data(), out.data() + out.size() - 2, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return {out.data(), static_cast<std::size_t>(end - out.data()) + 2};
}

}  // namespace postern
