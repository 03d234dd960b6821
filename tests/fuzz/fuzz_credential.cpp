// Any request head under any sources: at most one credential is read, and the rewritten head holds none of
// it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "proxy/head_writer.hpp"
#include "tests/fuzz/segmented.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

const HeaderRules rules("X-Subject-");
const std::vector<CredentialSource> known = {
    {CredentialPlace::authorization, ""}, {CredentialPlace::header, "X-API-Key"},
    {CredentialPlace::cookie, "session"}, {CredentialPlace::query, "access_token"},
    {CredentialPlace::query, "key"},      {CredentialPlace::websocket_protocol, "postern.bearer"}};

/// The sources whose bit is set.
std::vector<CredentialSource> chosen(unsigned bits) {
  std::vector<CredentialSource> sources;
  for (std::size_t i = 0; i < known.size(); ++i)
    if (bits >> i & 1U) sources.push_back(known[i]);
  return sources;
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) ++times;
  return times;
}

}  // namespace

/// The first two bytes choose the general sources and the rule's own, the rest is a head.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::vector<CredentialSource> general = chosen(data[0]);
  const std::vector<CredentialSource> own = chosen(data[1]);
  const CredentialSources sources{general, own};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  RequestReader reader;
  const auto head = std::make_unique<RequestHead>();
  if (reader.feed(bytes, *head) != HeadStatus::complete) return 0;

  DecodedCredential decoded;
  RequestRewrite rewrite;
  rewrite.path = "/p";
  rewrite.host = "h";
  rewrite.request_id = "r1";
  rewrite.traceparent = "00-t";
  const bool handshake = (data[0] & 0x80) != 0;
  const PresentedCredential found =
      presented_credential(*head, bytes.data(), sources, handshake, decoded, rewrite.credential_cut);
  if (found.form == PresentedCredential::Form::malformed) return 0;
  if (found.form == PresentedCredential::Form::bearer) {
    require(!found.secret.empty(), "an empty secret");
    const auto accepted = sources.accepted();
    require(
        std::any_of(accepted.begin(), accepted.end(), [&](const auto& s) { return s.place == found.place; }),
        "a credential from a place that is not accepted");
  }

  constexpr std::size_t room = limits::head_bytes_max + limits::subject_block_bytes_max + 2048;
  const std::unique_ptr<char[]> written(new char[room]);
  TextWriter out({written.get(), room});
  if (write_request_head(*head, bytes.data(), rules, rewrite, out) != RewriteError::none) return 0;
  RequestReader again;
  const auto second = std::make_unique<RequestHead>();
  if (again.feed(out.view(), *second) != HeadStatus::complete) {
    require(again.error() == HeadError::head_too_long || again.error() == HeadError::too_many_fields,
            "a written head is not accepted");
    return 0;
  }
  CredentialCut nothing;
  const PresentedCredential left =
      presented_credential(*second, out.view().data(), sources, handshake, decoded, nothing);
  require(left.form == PresentedCredential::Form::absent, "a credential is left");
  require(nothing.dropped.none() && nothing.field == CredentialCut::no_field && !nothing.query,
          "something of a credential is left");

  // Where the secret stands only once in the head, it stands nowhere in what we write.
  if (found.form != PresentedCredential::Form::bearer || found.place == CredentialPlace::query) return 0;
  const std::string secret(found.secret);
  if (secret.size() >= 8 && count(bytes.substr(0, head->size), secret) == 1)
    require(count(out.view(), secret) == 0, "the secret was passed on");
  return 0;
}
