#include "policy/path_classes.hpp"

#include <algorithm>

#include "policy/path_template.hpp"

namespace postern::policy {

struct PathClasses::Walk {
  std::span<const TemplateSegment> pattern;
  const Take& take;
  std::size_t left;
  std::size_t depth = 0;

  void emit(const std::string& path, bool below = false) {
    if (left == 0) return;
    --left;
    take(path.empty() ? "/" : path, below);
  }
};

PathClasses::PathClasses(std::initializer_list<std::span<const Rule>> rules) : nodes_(1) {
  for (const std::span<const Rule> some : rules)
    for (const Rule& rule : some) add(rule);
  other_ = "other";
  while (canonical_.contains(other_)) other_ += 'x';
}

void PathClasses::add(const Rule& rule) {
  std::uint32_t node = 0;
  for (const TemplateSegment& segment : rule.segments) {
    if (segment.kind == TemplateSegment::Kind::rest) break;
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    std::uint32_t child = 0;
    if (segment.kind == TemplateSegment::Kind::param) {
      if (nodes_[node].param == 0) nodes_[node].param = fresh;
      child = nodes_[node].param;
    } else {
      const std::string decoded = decoded_literal(segment);
      canonical_.try_emplace(decoded, segment.text);
      child = nodes_[node].literals.try_emplace(decoded, fresh).first->second;
    }
    if (child == fresh) nodes_.emplace_back();
    node = child;
  }
}

bool PathClasses::each(std::span<const TemplateSegment> pattern, const Take& take, std::size_t most) const {
  Walk walk{pattern, take, most};
  this->walk(walk, 0, {0}, {});
  return walk.left > 0;
}

PathClasses::Alive PathClasses::after(const Alive& alive, const std::string& decoded) const {
  Alive next;
  for (const std::uint32_t node : alive) {
    const auto found = nodes_[node].literals.find(decoded);
    if (found != nodes_[node].literals.end()) next.push_back(found->second);
    if (nodes_[node].param != 0 && !decoded.empty()) next.push_back(nodes_[node].param);
  }
  std::sort(next.begin(), next.end());
  return next;
}

std::vector<std::string> PathClasses::choices(const Alive& alive) const {
  std::vector<std::string> texts;
  for (const std::uint32_t node : alive)
    for (const auto& [text, child] : nodes_[node].literals)
      if (!text.empty()) texts.push_back(text);
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  texts.push_back(other_);
  return texts;
}

void PathClasses::walk(Walk& walk, std::size_t at, const Alive& alive, const std::string& path) const {
  if (walk.left == 0) return;
  if (at == walk.pattern.size()) return walk.emit(path);
  const TemplateSegment& segment = walk.pattern[at];
  const auto spelt = [this](const std::string& decoded) {
    const auto known = canonical_.find(decoded);
    return known == canonical_.end() ? decoded : known->second;
  };
  switch (segment.kind) {
    case TemplateSegment::Kind::literal: {
      return this->walk(walk, at + 1, after(alive, decoded_literal(segment)), path + '/' + segment.text);
    }
    case TemplateSegment::Kind::param:
      for (const std::string& text : choices(alive))
        this->walk(walk, at + 1, after(alive, text), path + '/' + spelt(text));
      return;
    case TemplateSegment::Kind::rest:
      return walk_rest(walk, alive, path);
  }
}

/// Nothing more, an empty last segment, or one more and so on, as long as any template goes on too.
void PathClasses::walk_rest(Walk& walk, const Alive& alive, const std::string& path) const {
  if (walk.left == 0) return;
  const bool below = alive.empty();
  if (!path.empty()) walk.emit(path, below);
  if (below && !path.empty()) return;
  walk.emit(path + '/');
  if (walk.depth == limits::path_segments_max) return;
  ++walk.depth;
  for (const std::string& text : choices(alive)) {
    const auto known = canonical_.find(text);
    walk_rest(walk, after(alive, text), path + '/' + (known == canonical_.end() ? text : known->second));
  }
  --walk.depth;
}

std::vector<std::string> host_classes(std::initializer_list<std::span<const Rule>> rules) {
  std::vector<std::string> hosts;
  for (const std::span<const Rule> some : rules)
    for (const Rule& rule : some)
      if (!rule.host.empty())
        hosts.push_back(rule.host.front() == '*' ? "any-other" + rule.host.substr(1) : rule.host);
  const bool named = !hosts.empty();
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  hosts.emplace_back(named ? "any-other.invalid" : "");
  return hosts;
}

}  // namespace postern::policy
