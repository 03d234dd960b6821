// Reads what a rule demands into a tree that keeps its places.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"
#include "policy/policy_files.hpp"

namespace postern::policy {

class RequirementReader {
 public:
  /// With a catalog, a name that it does not know is a mistake. All three outlive the reader.
  RequirementReader(const FileViews& files, const Catalog* catalog, Diagnostics& diagnostics)
      : files_(files), catalog_(catalog), diagnostics_(diagnostics), scopes_(files.size()) {}

  /// What is read from here on stands in this file. Those above it were entered before.
  void enter(std::uint32_t file) { file_ = file; }

  /// The requirement keys of a rule; siblings mean `all_of`. Nothing when there are none or when one was a
  /// mistake (which is then reported). Other keys are the caller's.
  /// `params` are those of the rule's path.
  [[nodiscard]] std::optional<Requirement> read_rule(const yaml::Node& rule,
                                                     const std::vector<std::string>& params);

  /// Takes the file's named requirements, which outlive this, and looks each over. They hold for this file
  /// and those that it includes, so none may be named anew further down.
  void read_named_requirements(const yaml::Node& requirements);

  /// Everything named so far, once each, in order of appearance.
  [[nodiscard]] std::vector<Symbol> take_symbols() { return std::move(symbols_); }

 private:
  /// The names that one file adds to those of the files above it.
  struct Scope {
    const yaml::Node* named = nullptr;  ///< its `requirements`
    std::vector<std::string> broken;    ///< names whose mistakes were told
  };
  /// Where a name is defined: a file, and what it says.
  struct Definition {
    std::uint32_t file = 0;
    const yaml::Node* node = nullptr;  ///< null: nowhere
  };

  [[nodiscard]] const yaml::Document& document() const { return *files_[file_].document; }
  [[nodiscard]] Place place(const yaml::Node& node) const noexcept;
  [[nodiscard]] Place place(const yaml::Entry& entry) const noexcept;
  [[nodiscard]] Definition find_definition(std::uint32_t from, std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> known_names() const;
  std::optional<Requirement> read_siblings(const yaml::Node& mapping, std::size_t depth);
  std::optional<Requirement> read_term(const yaml::Entry& entry, std::size_t depth);
  std::optional<Requirement> read_named(RequirementKind kind, const yaml::Entry& entry);
  std::optional<Requirement> read_owner(const yaml::Entry& entry);
  [[nodiscard]] bool too_many_terms(const yaml::Node& node, const std::string& what);
  std::optional<Requirement> read_reference(const yaml::Entry& entry, std::size_t depth);
  std::optional<Requirement> read_certificate(const yaml::Entry& entry);
  std::optional<Requirement> read_list(RequirementKind kind, const yaml::Entry& entry, std::size_t depth);
  std::optional<Requirement> read_negation(const yaml::Entry& entry, std::size_t depth);
  std::optional<Requirement> read_nested(const yaml::Node& node, std::size_t depth);
  void check_known(EntityKind kind, LicenseKind license_kind, const yaml::Node& node);
  std::uint32_t symbol(EntityKind kind, LicenseKind license_kind, const yaml::Node& node);

  const FileViews& files_;
  const Catalog* catalog_;
  Diagnostics& diagnostics_;
  std::vector<Scope> scopes_;  ///< beside files_
  std::uint32_t file_ = 0;     ///< in which what is being read stands
  std::vector<Symbol> symbols_;
  std::unordered_map<std::string, std::uint32_t> symbol_numbers_;  ///< by kind and id
  const std::vector<std::string>* params_ = nullptr;  ///< of the rule being read; null: of none in particular
  std::vector<std::string> open_;                     ///< names being read, against circles
  std::size_t terms_ = 0;                             ///< of the rule, or named requirement, being read
};

[[nodiscard]] Place place_of(const yaml::Node& node) noexcept;
[[nodiscard]] Place place_of(const yaml::Entry& entry) noexcept;

}  // namespace postern::policy
