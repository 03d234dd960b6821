#include "policy/matcher.hpp"

#include <algorithm>

#include "policy/path_template.hpp"

namespace postern::policy {
namespace {

constexpr std::uint64_t any_method = ~std::uint64_t{0};
constexpr std::uint64_t other_method = std::uint64_t{1} << limits::methods_max;
static_assert(limits::methods_max == 63,
              "a method is a bit of 64, the last one stands for all that no rule names");

}  // namespace

/// One request on its way down one tree after another.
struct Matcher::Descent {
  const CanonicalPath& path;
  MethodMask method;
  std::span<std::string_view> params;
  std::size_t known = 0;  ///< segments whose literal is looked up already
  std::array<std::uint32_t, limits::path_segments_max> literals;
};

std::uint32_t Matcher::find(std::string_view host, const CanonicalPath& path, std::string_view method,
                            std::span<std::string_view> params) const noexcept {
  if (roots_.empty()) return no_match;
  Descent descent{path, method_mask(method), params, 0, {}};
  for (std::uint32_t root = root_of(host);; root = roots_[root].next) {
    const std::uint32_t rule = descend(descent, roots_[root].node, 0, 0);
    if (rule != no_match || root == 0) return rule;
  }
}

std::uint32_t Matcher::find_asterisk(std::string_view host, std::string_view method) const noexcept {
  if (roots_.empty()) return no_match;
  for (std::uint32_t root = root_of(host);; root = roots_[root].next) {
    const std::uint32_t rule = pick(roots_[root].asterisk, method_mask(method));
    if (rule != no_match || root == 0) return rule;
  }
}

std::uint32_t Matcher::descend(Descent& descent, std::uint32_t node, std::size_t depth,
                               std::size_t param_count) const noexcept {
  const Node& here = nodes_[node];
  if (depth == descent.path.segment_count) {
    const std::uint32_t rule = pick(here.end, descent.method);
    return rule != no_match ? rule : pick(here.rest, descent.method);
  }
  const std::string_view segment = descent.path.segment(depth);
  if (depth == descent.known) descent.literals[descent.known++] = literal_of(segment);
  if (const std::uint32_t literal = descent.literals[depth]; literal != 0) {
    if (const std::uint32_t child = edges_.find(node, literal); child != 0) {
      const std::uint32_t rule = descend(descent, child, depth + 1, param_count);
      if (rule != no_match) return rule;
    }
  }
  if (here.param != 0 && !segment.empty()) {
    descent.params[param_count] = segment;
    const std::uint32_t rule = descend(descent, here.param, depth + 1, param_count + 1);
    if (rule != no_match) return rule;
  }
  return pick(here.rest, descent.method);
}

std::uint32_t Matcher::pick(Range range, MethodMask method) const noexcept {
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    if ((candidates_[i].methods & method) != 0) return candidates_[i].rule;
  }
  return no_match;
}

std::uint32_t Matcher::literal_of(std::string_view segment) const noexcept {
  if (segment.find('%') == std::string_view::npos) return literals_.find(segment);
  return escaped_literal_of(segment);
}

// Not inlined, or each step of the descent would carry the buffer on its stack.
[[gnu::noinline]] std::uint32_t Matcher::escaped_literal_of(std::string_view segment) const noexcept {
  char decoded[limits::target_bytes_max];
  return segment.size() > sizeof decoded ? 0 : literals_.find(decode_segment(segment, decoded));
}

Matcher::MethodMask Matcher::method_mask(std::string_view method) const noexcept {
  const auto found = std::find(methods_.begin(), methods_.end(), method);
  return found == methods_.end() ? other_method : MethodMask{1} << (found - methods_.begin());
}

std::uint32_t Matcher::root_of(std::string_view host) const noexcept {
  const std::uint32_t exact = host.empty() ? 0 : hosts_.find(host);
  return exact != 0 ? exact : suffix_root_of(host);
}

std::uint32_t Matcher::suffix_root_of(std::string_view host) const noexcept {
  if (suffix_size_max_ == 0 || host.empty()) return 0;
  // From 1: `*.example.com` wants at least one byte before the dot. Left to right, so the longest comes
  // first.
  for (std::size_t dot = host.find('.', 1); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
    if (host.size() - dot > suffix_size_max_) continue;
    if (const std::uint32_t root = hosts_.find(host.substr(dot)); root != 0) return root;
  }
  return 0;
}

Matcher::Walk Matcher::worst_walk() const {
  Walk worst;
  for (const Root& root : roots_) {
    std::size_t visits = nodes_[root.node].visits;
    for (const Root* at = &root; at != &roots_[0]; at = &roots_[at->next]) {
      visits += nodes_[roots_[at->next].node].visits;
    }
    if (visits > worst.visits) worst = {visits, root.first_rule};
  }
  return worst;
}

/// Grows the trees, then lays the candidates of each node side by side.
class Matcher::Builder {
 public:
  Builder(Matcher& matcher, std::span<const Rule> rules) : matcher_(matcher), rules_(rules) {}

  void build() {
    add_root(no_match);
    for (std::uint32_t i = 0; i < rules_.size(); ++i) add(i);
    for (const Grown& grown : grown_) close(grown);
    link_roots();
    count_visits();
  }

 private:
  /// How a node hangs on its parent.
  enum class Parent : std::uint8_t { host, literal, param };

  /// What becomes a Node: the rules that end at it are still lists.
  struct Grown {
    std::vector<std::uint32_t> end, rest;
    std::uint32_t parent = 0;  ///< index of a node, unless `by` is host
    Parent by = Parent::host;
  };

  std::uint32_t add_root(std::uint32_t first_rule) {
    const auto root = static_cast<std::uint32_t>(matcher_.roots_.size());
    matcher_.roots_.push_back({add_node(0, Parent::host), 0, {}, first_rule});
    asterisks_.emplace_back();
    return root;
  }

  std::uint32_t add_node(std::uint32_t parent, Parent by) {
    const auto node = static_cast<std::uint32_t>(grown_.size());
    grown_.push_back({{}, {}, parent, by});
    matcher_.nodes_.emplace_back();
    return node;
  }

  std::uint32_t root_for(std::uint32_t rule) {
    std::string_view host = rules_[rule].host;
    if (host.empty()) {
      if (matcher_.roots_[0].first_rule == no_match) matcher_.roots_[0].first_rule = rule;
      return 0;
    }
    if (host.front() == '*') {
      host.remove_prefix(1);
      matcher_.suffix_size_max_ = std::max(matcher_.suffix_size_max_, host.size());
    }
    const std::uint32_t number = matcher_.hosts_.insert(host);
    return number < matcher_.roots_.size() ? number : add_root(rule);
  }

  void add(std::uint32_t index) {
    const Rule& rule = rules_[index];
    for (const std::string& method : rule.methods) name_method(method);
    const std::uint32_t root = root_for(index);
    if (rule.path == "*") {
      asterisks_[root].push_back(index);
      return;
    }
    std::uint32_t node = matcher_.roots_[root].node;
    for (const TemplateSegment& segment : rule.segments) {
      if (segment.kind == TemplateSegment::Kind::rest) {
        grown_[node].rest.push_back(index);
        return;
      }
      node = segment.kind == TemplateSegment::Kind::param ? param_child(node) : literal_child(node, segment);
    }
    grown_[node].end.push_back(index);
  }

  std::uint32_t param_child(std::uint32_t node) {
    if (matcher_.nodes_[node].param == 0) {
      const std::uint32_t child = add_node(node, Parent::param);
      matcher_.nodes_[node].param = child;
    }
    return matcher_.nodes_[node].param;
  }

  std::uint32_t literal_child(std::uint32_t node, const TemplateSegment& segment) {
    const std::uint32_t literal = matcher_.literals_.insert(decoded_literal(segment));
    if (const std::uint32_t known = matcher_.edges_.find(node, literal); known != 0) return known;
    const std::uint32_t child = add_node(node, Parent::literal);
    matcher_.edges_.insert(node, literal, child);
    return child;
  }

  void name_method(std::string_view method) {
    std::vector<std::string_view>& methods = matcher_.methods_;
    if (std::find(methods.begin(), methods.end(), method) != methods.end()) return;
    POSTERN_CHECK(methods.size() < limits::methods_max);
    methods.push_back(method);
  }

  void close(const Grown& grown) {
    Node& node = matcher_.nodes_[static_cast<std::size_t>(&grown - grown_.data())];
    node.end = candidates(grown.end);
    node.rest = candidates(grown.rest);
  }

  /// GET covers HEAD, unless one of these rules, which share host and template, names HEAD itself.
  Range candidates(const std::vector<std::uint32_t>& indices) {
    std::vector<Candidate>& all = matcher_.candidates_;
    const auto names = [this](std::uint32_t index, std::string_view method) {
      const std::vector<std::string>& methods = rules_[index].methods;
      return std::find(methods.begin(), methods.end(), method) != methods.end();
    };
    const bool head_is_named = std::any_of(indices.begin(), indices.end(),
                                           [&](std::uint32_t index) { return names(index, "HEAD"); });
    const auto begin = static_cast<std::uint32_t>(all.size());
    for (const std::uint32_t index : indices) {
      if (rules_[index].methods.empty()) continue;
      MethodMask mask = 0;
      for (const std::string& method : rules_[index].methods) mask |= matcher_.method_mask(method);
      if (!head_is_named && names(index, "GET")) mask |= matcher_.method_mask("HEAD");
      all.push_back({mask, index});
    }
    for (const std::uint32_t index : indices) {
      if (rules_[index].methods.empty()) all.push_back({any_method, index});
    }
    return {begin, static_cast<std::uint32_t>(all.size())};
  }

  void link_roots() {
    for (std::uint32_t root = 0; root < matcher_.roots_.size(); ++root) {
      matcher_.roots_[root].asterisk = candidates(asterisks_[root]);
    }
    for (std::uint32_t root = 1; root < matcher_.roots_.size(); ++root) {
      const std::string& host = rules_[matcher_.roots_[root].first_rule].host;
      // Of `*.example.com` itself the scan starts behind its own dot: the next shorter suffix is wanted.
      matcher_.roots_[root].next = matcher_.suffix_root_of(
          host.front() == '*' ? std::string_view(host).substr(2) : std::string_view(host));
    }
  }

  /// Children were made after their parents, so a pass from the back sees every child before its parent. A
  /// walk may take one literal child and then, when that side had no rule, the parameter's.
  void count_visits() {
    std::vector<std::uint32_t> worst_literal(grown_.size(), 0);
    for (std::size_t node = grown_.size(); node-- > 0;) {
      Node& here = matcher_.nodes_[node];
      const std::uint32_t by_param = here.param == 0 ? 0 : matcher_.nodes_[here.param].visits;
      here.visits = std::min<std::uint32_t>(1 + worst_literal[node] + by_param, visits_ceiling);
      const Grown& grown = grown_[node];
      if (grown.by != Parent::literal) continue;
      worst_literal[grown.parent] = std::max(worst_literal[grown.parent], here.visits);
    }
  }

  static constexpr std::uint32_t visits_ceiling = 1u << 30;  // so that the sum of two still fits

  Matcher& matcher_;
  std::span<const Rule> rules_;
  std::vector<Grown> grown_;                           ///< beside matcher_.nodes_, by the same index
  std::vector<std::vector<std::uint32_t>> asterisks_;  ///< beside matcher_.roots_
};

Matcher::Matcher(std::span<const Rule> rules) {
  // Named first, so that GET alone gives HEAD a bit to be covered by.
  methods_ = {"GET", "HEAD"};
  Builder(*this, rules).build();
}

}  // namespace postern::policy
