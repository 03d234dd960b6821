#include "policy/rule_options.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

#include "conf/option.hpp"
#include "conf/upstream_headers.hpp"

namespace postern::policy {
namespace {

/// "2027-01-31" as the second it begins (UTC).
std::optional<UnixSeconds> parse_date(const std::string& text) {
  std::tm date{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &date);
  if (text.size() != 10 || end == nullptr || *end != '\0') return std::nullopt;
  const std::tm written = date;
  const std::time_t seconds = ::timegm(&date);
  // 30 February is no date, though timegm takes it.
  if (date.tm_mday != written.tm_mday || date.tm_mon != written.tm_mon) return std::nullopt;
  return seconds;
}

std::optional<UnixSeconds> read_date(const yaml::Node& node, std::string_view key, const TellMistake& tell) {
  const auto date = node.kind == yaml::Kind::scalar ? parse_date(node.scalar) : std::nullopt;
  if (!date) tell(node, quoted(key) + " wants a date", "write it as 2027-01-31");
  return date;
}

void read_marks(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  const yaml::Node* deprecated = node.find("deprecated");
  const yaml::Node* sunset = node.find("sunset");
  std::optional<UnixSeconds> since, until;
  if (deprecated != nullptr) since = read_date(*deprecated, "deprecated", tell);
  if (sunset != nullptr) until = read_date(*sunset, "sunset", tell);
  if (since && until && *until < *since)
    return tell(*sunset, "the sunset lies before the deprecation (RFC 8594, RFC 9745)", {});
  if (since) rule.answer_lines += "Deprecation: @" + std::to_string(*since) + "\r\n";
  if (!until) return;
  char text[64];
  const std::time_t at = *until;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  std::strftime(text, sizeof text, "Sunset: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  rule.answer_lines += text;
}

void read_body_limit(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  const yaml::Node* limit = node.find("body_limit");
  if (limit == nullptr) return;
  const auto bytes = limit->kind == yaml::Kind::scalar ? parse_bytes(limit->scalar) : std::nullopt;
  if (!bytes)
    return tell(*limit, "\"body_limit\" wants a size", "write it as 65536, 512KiB or 10MB; 0 is unlimited");
  rule.body_limit = *bytes;
}

/// The bounds of the configuration's own (conf/option_table.cpp): shorter cuts everything, longer is no
/// bound.
constexpr std::chrono::milliseconds timeout_min{10};
constexpr std::chrono::hours timeout_max{1};

void read_timeout(const yaml::Entry& entry, Rule& rule, const TellMistake& tell) {
  std::uint32_t* target = entry.key == "response" ? &rule.timeouts.response
                          : entry.key == "body"   ? &rule.timeouts.body
                          : entry.key == "idle"   ? &rule.timeouts.idle
                                                  : nullptr;
  if (target == nullptr) {
    // The others are over before the rule is known, or belong to the upstream or the process.
    const bool other = entry.key == "head" || entry.key == "connect" || entry.key == "drain";
    tell(entry.value, "no rule can set the timeout " + quoted(entry.key),
         other ? "it belongs to the configuration" : did_you_mean(entry.key, {"response", "body", "idle"}));
    return;
  }
  const auto duration =
      entry.value.kind == yaml::Kind::scalar ? parse_duration(entry.value.scalar) : std::nullopt;
  if (!duration)
    return tell(entry.value, quoted(entry.key) + " wants a duration", "write it as 500ms, 30s or 5m");
  if (*duration < timeout_min || *duration > timeout_max)
    return tell(entry.value, quoted(entry.value.scalar) + " is out of bounds", "allowed is 10ms to 1h");
  *target = static_cast<std::uint32_t>(duration->count());
}

void read_timeouts(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  const yaml::Node* timeouts = node.find("timeouts");
  if (timeouts == nullptr) return;
  if (timeouts->kind != yaml::Kind::mapping || timeouts->entries.empty())
    return tell(*timeouts, "\"timeouts\" wants response, body or idle, and how long",
                "for example 'timeouts: {response: 2m}'");
  for (const yaml::Entry& entry : timeouts->entries) read_timeout(entry, rule, tell);
}

void read_encoded_slash(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  const yaml::Node* slash = node.find("encoded_slash");
  if (slash == nullptr) return;
  if (slash->kind == yaml::Kind::scalar && slash->scalar == "keep")
    rule.encoded_slash = EncodedSlash::keep;
  else if (slash->kind != yaml::Kind::scalar || slash->scalar != "refuse")
    tell(*slash, "\"encoded_slash\" is refuse or keep", did_you_mean(slash->scalar, {"refuse", "keep"}));
}

void read_upstream_headers(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  const yaml::Node* headers = node.find("upstream_headers");
  if (headers == nullptr) return;
  if (headers->kind != yaml::Kind::mapping || headers->entries.empty())
    return tell(*headers, "\"upstream_headers\" wants names and values",
                "for example 'upstream_headers: {X-Tier: gold}'");
  std::size_t size = 0;
  for (const yaml::Entry& entry : headers->entries) {
    const std::string& value = entry.value.scalar;
    const bool plain = entry.value.kind == yaml::Kind::scalar && !value.empty() && value.front() != ' ' &&
                       value.back() != ' ' &&
                       std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!plain) tell(entry.value, quoted(entry.key) + " wants a value of printable ASCII", {});
    rule.upstream_headers.push_back({entry.key, value});
    size += entry.key.size() + value.size() + 4;
  }
  if (const std::string flaw = upstream_headers_flaw(rule.upstream_headers, {}); !flaw.empty())
    tell(*headers, flaw, {});
  if (size > limits::rule_header_bytes_max)
    tell(
        *headers,
        "the headers of one rule are longer than " + std::to_string(limits::rule_header_bytes_max) + " bytes",
        {});
}

}  // namespace

void read_options(const yaml::Node& node, Rule& rule, const TellMistake& tell) {
  read_body_limit(node, rule, tell);
  read_timeouts(node, rule, tell);
  read_encoded_slash(node, rule, tell);
  read_upstream_headers(node, rule, tell);
  read_marks(node, rule, tell);
}

yaml::Node with_defaults(const yaml::Node& rule, const yaml::Node& defaults) {
  yaml::Node whole = rule;
  const bool fixed = rule.find("allow") != nullptr || rule.find("deny") != nullptr;
  for (const yaml::Entry& entry : defaults.entries) {
    if (rule.find(entry.key) != nullptr || (fixed && entry.key == "mode")) continue;
    whole.entries.push_back(entry);
  }
  return whole;
}

}  // namespace postern::policy
