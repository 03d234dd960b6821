// Reads the rules of a policy's files. Says everything that is wrong with each of them, alone; what is wrong
// with two of them together is overlap.hpp's.

#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "conf/config.hpp"
#include "conf/yaml.hpp"
#include "policy/flaw.hpp"
#include "policy/policy.hpp"
#include "policy/policy_files.hpp"
#include "policy/requirement_reader.hpp"

namespace postern::policy {

class RuleReader {
 public:
  /// With a catalog, a name that it does not know is a mistake; likewise with `upstreams`. All outlive the
  /// reader.
  RuleReader(const FileViews& files, const Catalog* catalog, const std::vector<std::string>* upstreams,
             Diagnostics& diagnostics)
      : files_(files),
        diagnostics_(diagnostics),
        upstreams_(upstreams),
        requirements_(files, catalog, diagnostics) {}

  /// Reads the files one after the other. Every mistake is reported; the rules are only complete when there
  /// was none. `parsed`: nothing was wrong with any so far, so one without content is a mistake, too.
  void read_files(bool parsed);

  [[nodiscard]] std::vector<Rule> take_rules() { return std::move(rules_); }
  [[nodiscard]] std::vector<Symbol> take_symbols() { return requirements_.take_symbols(); }

  /// The rules whose host, path and methods are in order, whatever else is wrong with them: only those can be
  /// told to overlap. Good until take_rules().
  [[nodiscard]] std::vector<const Rule*> routable() const;

 private:
  struct Draft;  ///< a rule while it is read

  [[nodiscard]] const yaml::Document& document() const { return *files_[file_].document; }
  [[nodiscard]] Position at(Place place) const;
  [[nodiscard]] Place place(const yaml::Node& node) const noexcept;
  void read_file();
  void read_version(const yaml::Node& root);
  void read_defaults(const yaml::Node& root);
  void read_rule(const yaml::Node& node);
  void read_conditions(Draft& draft);
  void count_durations(const Draft& draft);
  void check_trailers();
  void read_id(Draft& draft);
  void read_host(Draft& draft);
  void read_path(Draft& draft);
  void read_methods(Draft& draft);
  void read_method(Draft& draft, const yaml::Node& node);
  void limit_to_options(Draft& draft);
  void read_requirement(Draft& draft);
  void read_resource(Draft& draft);
  void read_mode(Draft& draft);
  void read_trailers(Draft& draft);
  void read_upstream(Draft& draft);
  void read_credentials(Draft& draft);
  void add(const yaml::Node& node, std::string message, std::string suggestion = {});
  void add(const yaml::Node& scalar, std::vector<Flaw> flaws);

  const FileViews& files_;
  std::uint32_t file_ = 0;  ///< the one being read
  Diagnostics& diagnostics_;
  const std::vector<std::string>* upstreams_;
  RequirementReader requirements_;
  const yaml::Node* defaults_ = nullptr;  ///< of the file being read
  std::vector<Rule> rules_;
  std::vector<bool> routable_;                          ///< beside rules_
  std::unordered_map<std::string, Place> ids_;          ///< ids given so far, and where
  std::vector<std::string> methods_ = {"GET", "HEAD"};  ///< named so far; the matcher always knows these two
  bool methods_overflow_ = false;                       ///< said once
  std::vector<std::uint32_t> durations_;                ///< different ones of `timeouts` so far
};

}  // namespace postern::policy
