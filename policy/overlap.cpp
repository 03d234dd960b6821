#include "policy/overlap.hpp"

#include <unordered_map>

#include "policy/path_template.hpp"

namespace postern::policy {
namespace {

/// The rules of one shape that were met so far.
struct Taken {
  const Rule* any = nullptr;  ///< for every method
  std::unordered_map<std::string, const Rule*> by_method;
};

void report(const Rule& first, const Rule& second, Place place, const std::string& method,
            const FileViews& files, Diagnostics& diagnostics) {
  const std::string host = second.host.empty() ? "" : " on " + second.host;
  diagnostics.add({files[place.file].document->file, place.line, place.column},
                  method + " " + second.path + host + " is already governed by the rule at " +
                      files[first.place.file].document->file + ":" + std::to_string(first.place.line) +
                      (first.path == second.path ? "" : " (" + first.path + ")") +
                      "; neither is more specific");
}

}  // namespace

std::string shape_of(const Rule& rule) {
  // A decoded literal holds any byte but control characters, so these two cannot be one.
  constexpr char param = '\x01';
  constexpr char rest = '\x02';
  std::string shape = rule.host;
  if (rule.path == "*") return shape + rest + rest;
  for (const TemplateSegment& segment : rule.segments) {
    shape += '/';
    switch (segment.kind) {
      case TemplateSegment::Kind::literal:
        shape += decoded_literal(segment);
        break;
      case TemplateSegment::Kind::param:
        shape += param;
        break;
      case TemplateSegment::Kind::rest:
        shape += rest;
        break;
    }
  }
  return shape;
}

void report_overlaps(std::span<const Rule* const> rules, const FileViews& files, Diagnostics& diagnostics) {
  std::unordered_map<std::string, Taken> shapes;
  for (const Rule* rule : rules) {
    Taken& taken = shapes[shape_of(*rule)];
    if (rule->methods.empty()) {
      if (taken.any != nullptr) report(*taken.any, *rule, rule->place, "every method of", files, diagnostics);
      if (taken.any == nullptr) taken.any = rule;
      continue;
    }
    bool reported = false;  // one mistake a rule, however many methods it shares
    for (std::size_t i = 0; i < rule->methods.size(); ++i) {
      const auto [earlier, fresh] = taken.by_method.try_emplace(rule->methods[i], rule);
      if (fresh || reported) continue;
      report(*earlier->second, *rule, rule->place, rule->methods[i], files, diagnostics);
      reported = true;
    }
  }
}

}  // namespace postern::policy
