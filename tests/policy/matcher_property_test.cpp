// The compiled matcher against one that follows the words of the design: try every rule, keep the most
// specific.

#include <algorithm>
#include <compare>
#include <optional>
#include <random>

#include "policy/overlap.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

using Segment = TemplateSegment::Kind;

/// A rule to be written and the parts the naive matcher looks at.
struct Sketch {
  std::string host;                   ///< empty: any
  std::vector<std::string> segments;  ///< "{}" is a parameter, "**" the rest
  std::vector<std::string> methods;   ///< empty: any

  [[nodiscard]] std::string path() const {
    std::string out;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      out += '/';
      out += segments[i] == "{}" ? "{p" + std::to_string(i) + "}" : segments[i];
    }
    return out;
  }

  [[nodiscard]] std::string yaml(std::size_t number) const {
    std::string out = "  - {id: r" + std::to_string(number) + ", path: '" + path() + "', authenticated: true";
    if (!host.empty()) out += ", host: '" + host + "'";
    if (!methods.empty()) {
      out += ", methods: [";
      for (std::size_t i = 0; i < methods.size(); ++i) out += (i == 0 ? "" : ", ") + methods[i];
      out += "]";
    }
    return out + "}\n";
  }
};

struct Request {
  std::string host, method;
  std::vector<std::string> segments;
};

bool names(const Sketch& rule, const std::string& method) {
  return std::find(rule.methods.begin(), rule.methods.end(), method) != rule.methods.end();
}

bool host_matches(const Sketch& rule, const std::string& host) {
  if (rule.host.empty() || rule.host == host) return true;
  return rule.host.front() == '*' && host.size() >= rule.host.size() && host.ends_with(rule.host.substr(1));
}

bool path_matches(const Sketch& rule, const std::vector<std::string>& path) {
  for (std::size_t i = 0; i < rule.segments.size(); ++i) {
    if (rule.segments[i] == "**") return true;
    if (i >= path.size()) return false;
    if (rule.segments[i] == "{}" ? path[i].empty() : rule.segments[i] != path[i]) return false;
  }
  return rule.segments.size() == path.size();
}

bool method_matches(const Sketch& rule, const std::string& method, const std::vector<Sketch>& all) {
  if (rule.methods.empty() || names(rule, method)) return true;
  if (method != "HEAD" || !names(rule, "GET")) return false;
  return std::none_of(all.begin(), all.end(), [&](const Sketch& other) {
    return other.host == rule.host && other.segments == rule.segments && names(other, "HEAD");
  });
}

/// Greater is more specific. A vector compares by its first difference, as the design wants it.
struct Rank {
  std::size_t host = 0;
  std::vector<int> path;
  bool named = false;
  auto operator<=>(const Rank&) const = default;
};

Rank rank_of(const Sketch& rule) {
  Rank rank;
  rank.host = rule.host.empty() ? 0 : rule.host.front() == '*' ? rule.host.size() : 1000;
  for (const std::string& segment : rule.segments)
    rank.path.push_back(segment == "**" ? 0 : segment == "{}" ? 2 : 3);
  if (rule.segments.back() != "**") rank.path.push_back(1);  // the end
  rank.named = !rule.methods.empty();
  return rank;
}

std::string naive(const std::vector<Sketch>& rules, const Request& request) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Sketch& rule = rules[i];
    if (!host_matches(rule, request.host) || !path_matches(rule, request.segments) ||
        !method_matches(rule, request.method, rules)) {
      continue;
    }
    if (!best || rank_of(rules[*best]) < rank_of(rule)) best = i;
  }
  return best ? "r" + std::to_string(*best) : "none";
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  void shuffle(std::vector<T>& items) {
    std::shuffle(items.begin(), items.end(), engine_);
  }

  std::string host(bool pattern) {
    static const std::vector<std::string> names = {"", "a.test", "x.a.test", "b.test", "y.x.a.test"};
    static const std::vector<std::string> patterns = {"*.test", "*.a.test", "*.x.a.test"};
    return pattern && one_in(3) ? patterns[below(patterns.size())] : names[below(names.size())];
  }

  Sketch rule() {
    Sketch rule;
    if (one_in(3)) rule.host = host(true);
    for (std::size_t depth = below(5); depth > 0; --depth) rule.segments.push_back(word(true));
    if (rule.segments.empty() || one_in(3))
      rule.segments.push_back(one_in(2) ? "**" : one_in(2) ? "" : word(true));
    for (const char* method : {"GET", "HEAD", "PUT", "PURGE"}) {
      if (one_in(4)) rule.methods.emplace_back(method);
    }
    return rule;
  }

  Request request() {
    static const std::vector<std::string> methods = {"GET", "HEAD", "PUT", "PURGE", "POST"};
    Request request{host(false), methods[below(methods.size())], {}};
    for (std::size_t depth = below(6); depth > 0; --depth) request.segments.push_back(word(false));
    if (request.segments.empty() || one_in(5)) request.segments.emplace_back();
    return request;
  }

 private:
  std::string word(bool in_template) {
    static const std::vector<std::string> words = {"a", "b", "c"};
    return in_template && one_in(3) ? "{}" : words[below(words.size())];
  }

  std::mt19937 engine_;
};

/// Random rules without overlaps: an overlapping one is left out.
std::vector<Sketch> random_rules(Dice& dice, std::size_t count) {
  std::vector<Sketch> rules;
  for (std::size_t i = 0; i < count; ++i) {
    Sketch fresh = dice.rule();
    const bool overlaps = std::any_of(rules.begin(), rules.end(), [&](const Sketch& rule) {
      if (rule.host != fresh.host || rule.segments != fresh.segments) return false;
      if (rule.methods.empty() || fresh.methods.empty()) return rule.methods.empty() == fresh.methods.empty();
      return std::any_of(fresh.methods.begin(), fresh.methods.end(),
                         [&](const auto& m) { return names(rule, m); });
    });
    if (!overlaps) rules.push_back(std::move(fresh));
  }
  return rules;
}

std::unique_ptr<const Policy> compile(const std::vector<Sketch>& rules,
                                      const std::vector<std::size_t>& order) {
  std::string text;
  for (const std::size_t i : order) text += rules[i].yaml(i);
  return test::policy_of(text);
}

std::string compiled(const Policy& policy, const Request& request) {
  std::string path;
  for (const std::string& segment : request.segments) path += "/" + segment;
  return test::governing(policy, request.method, path, request.host);
}

TEST_CASE(
    "on random rules the compiled matcher agrees with the naive one, and their order in the file never "
    "matters") {
  const unsigned seed = std::random_device{}();
  MESSAGE("seed ", seed);
  CAPTURE(seed);
  Dice dice(seed);
  int governed = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<Sketch> rules = random_rules(dice, 1 + dice.below(40));
    std::vector<std::size_t> order(rules.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto straight = compile(rules, order);
    dice.shuffle(order);
    const auto shuffled = compile(rules, order);
    for (int i = 0; i < 100; ++i) {
      const Request request = dice.request();
      const std::string expected = naive(rules, request);
      governed += expected == "none" ? 0 : 1;
      const bool agree = compiled(*straight, request) == expected && compiled(*shuffled, request) == expected;
      if (agree) continue;
      for (std::size_t n = 0; n < rules.size(); ++n) MESSAGE(rules[n].yaml(n));
      MESSAGE(request.method, " ", request.host, " ", Sketch{{}, request.segments, {}}.path());
      CHECK(compiled(*straight, request) == expected);
      CHECK(compiled(*shuffled, request) == expected);
      return;
    }
  }
  CHECK(governed > 5'000);
  CHECK(governed < 29'000);
}

TEST_CASE("two rules overlap exactly when some request ranks them equal") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  Dice dice(seed);
  int overlaps = 0;
  for (int round = 0; round < 3'000; ++round) {
    // A twin that differs a little at most, or overlaps would be rare.
    std::vector<Sketch> pair = {dice.rule(), {}};
    pair[1] = pair[0];
    if (dice.one_in(2)) pair[1].methods = dice.rule().methods;
    if (dice.one_in(4)) pair[1].host = dice.rule().host;
    if (dice.one_in(4)) pair[1].segments.front() = dice.rule().segments.front();
    if (std::count(pair[1].segments.begin(), pair[1].segments.end(), "**") > 1) continue;
    if (pair[1].segments.size() > 1 && pair[1].segments.front() == "**") continue;
    if (pair[1].segments.size() > 1 && pair[1].segments.front().empty()) continue;

    // Requests made from the templates reach everything that both could match.
    bool tie = rank_of(pair[0]) == rank_of(pair[1]) && pair[0].host == pair[1].host;
    if (tie) {
      Request request{pair[0].host, "", {}};
      if (request.host.starts_with('*')) request.host.replace(0, 1, "h");
      for (const Sketch& rule : pair) {
        if (rule.segments.size() != pair[0].segments.size()) tie = false;
      }
      for (std::size_t i = 0; i < pair[0].segments.size(); ++i) {
        const std::string& segment = pair[0].segments[i];
        request.segments.push_back(segment == "{}" || segment == "**" ? "a" : segment);
      }
      tie = tie && path_matches(pair[0], request.segments) && path_matches(pair[1], request.segments);
      bool common = false;
      for (const char* method : {"GET", "HEAD", "PUT", "PURGE", "OTHER"}) {
        common = common || (method_matches(pair[0], method, pair) && method_matches(pair[1], method, pair));
      }
      tie = tie && common;
    }
    const test::Loaded loaded = test::load_rules(pair[0].yaml(0) + pair[1].yaml(1));
    CAPTURE(pair[0].yaml(0));
    CAPTURE(pair[1].yaml(1));
    CHECK((loaded.policy == nullptr) == tie);
    overlaps += tie ? 1 : 0;
  }
  CHECK(overlaps > 300);
}

TEST_CASE("10,000 rules and 10 give the same answers where they say the same") {
  std::string text = "  - {id: all, path: /**, authenticated: true}\n";
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    text += "  - {id: r" + n + ", path: '/api/v" + std::to_string(i % 7) + "/things" + n +
            "/{id}', authenticated: true}\n";
  }
  const auto policy = test::policy_of(text);
  for (const int i : {0, 1, 77, 5'000, 9'999}) {
    const std::string n = std::to_string(i);
    CHECK(test::governing(*policy, "GET", "/api/v" + std::to_string(i % 7) + "/things" + n + "/42") ==
          "r" + n);
    CHECK(test::governing(*policy, "GET", "/api/v" + std::to_string(i % 7) + "/things" + n) == "all");
  }
}

}  // namespace
}  // namespace postern::policy
