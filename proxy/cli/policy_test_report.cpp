#include "proxy/cli/policy_test_report.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace postern::cli {
namespace {

namespace json = boost::json;

std::string place_of(const std::string& file, policy::Place place) {
  return file + ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
}

std::string line_of(const Mismatch& mismatch) {
  return mismatch.what + ": expected " + mismatch.expected + ", got " + mismatch.got;
}

std::string indented(const std::string& text) {
  std::string out;
  bool fresh = true;
  for (const char c : text) {
    if (fresh) out += "    ";
    out += c;
    fresh = c == '\n';
  }
  return out;
}

/// Text and attribute values of XML 1.0, which cannot hold control characters at all.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

std::string failure_of(const std::string& message, const std::string& text) {
  return "    <failure message=\"" + xml(message) + "\">" + xml(text) + "</failure>\n";
}

}  // namespace

std::size_t TestReport::failures() const {
  return static_cast<std::size_t>(std::count_if(
      results.begin(), results.end(), [](const CaseResult& one) { return !one.mismatches.empty(); }));
}

std::string TestReport::text() const {
  std::string text;
  for (const CaseResult& one : results) {
    if (one.mismatches.empty()) continue;
    text += place_of(file, one.tested.place) + ": failed: " + one.tested.name + '\n';
    for (const Mismatch& mismatch : one.mismatches) text += "  " + line_of(mismatch) + '\n';
    text += "  why:\n" + indented(one.why);
  }
  if (coverage) {
    for (const policy::Rule* rule : unreached)
      text += place_of(policy.files()[rule->place.file], rule->place) + ": no case reaches rule " + rule->id +
              '\n';
    const std::size_t rules = policy.rules().size();
    text += std::to_string(rules - unreached.size()) + " of " + std::to_string(rules) + " rules reached\n";
  }
  return text + std::to_string(results.size() - failures()) + " passed, " + std::to_string(failures()) +
         " failed\n";
}

json::object TestReport::record(bool ok) const {
  json::array cases;
  for (const CaseResult& one : results) {
    json::array mismatches;
    for (const Mismatch& mismatch : one.mismatches)
      mismatches.push_back(
          json::object{{"what", mismatch.what}, {"expected", mismatch.expected}, {"got", mismatch.got}});
    cases.push_back(json::object{{"name", one.tested.name},
                                 {"place", place_of(file, one.tested.place)},
                                 {"subject", one.tested.subject->name},
                                 {"passed", one.mismatches.empty()},
                                 {"rule", one.rule ? json::value(one.rule->id) : json::value()},
                                 {"mismatches", std::move(mismatches)},
                                 {"why", one.why.empty() ? json::value() : json::value(one.why)}});
  }
  json::array rules;
  for (const policy::Rule* rule : unreached)
    rules.push_back(
        json::object{{"rule", rule->id}, {"place", place_of(policy.files()[rule->place.file], rule->place)}});
  return {{"ok", ok},
          {"passed", results.size() - failures()},
          {"failed", failures()},
          {"cases", std::move(cases)},
          {"unreached", std::move(rules)}};
}

std::string TestReport::junit(bool strict) const {
  const bool gap = strict && !unreached.empty();
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + xml(file) +
                     "\" tests=\"" + std::to_string(results.size() + (strict ? 1 : 0)) + "\" failures=\"" +
                     std::to_string(failures() + (gap ? 1 : 0)) + "\" errors=\"0\" skipped=\"0\">\n";
  const auto open = [&](const std::string& name, std::uint32_t line) {
    return "  <testcase classname=\"" + xml(file) + "\" name=\"" + xml(name) + "\" file=\"" + xml(file) +
           "\" line=\"" + std::to_string(line) + "\" time=\"0\"";
  };
  for (const CaseResult& one : results) {
    text += open(one.tested.name, one.tested.place.line);
    if (one.mismatches.empty()) {
      text += "/>\n";
      continue;
    }
    std::string message, body = place_of(file, one.tested.place) + '\n';
    for (const Mismatch& mismatch : one.mismatches) {
      message += (message.empty() ? "" : "; ") + line_of(mismatch);
      body += line_of(mismatch) + '\n';
    }
    text += ">\n" + failure_of(message, body + one.why) + "  </testcase>\n";
  }
  if (strict) {
    text += open("every rule is reached", 1);
    std::string body;
    for (const policy::Rule* rule : unreached)
      body += place_of(policy.files()[rule->place.file], rule->place) + ": " + rule->id + '\n';
    text += gap ? ">\n" + failure_of("rules that govern no case: " + std::to_string(unreached.size()), body) +
                      "  </testcase>\n"
                : "/>\n";
  }
  return text + "</testsuite>\n";
}

}  // namespace postern::cli
