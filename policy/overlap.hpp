// Two rules of equal rank for a common request: neither is more specific, so which one governs would be an
// accident.

#pragma once

#include <span>
#include <string>

#include "conf/diagnostic.hpp"
#include "policy/policy.hpp"
#include "policy/policy_files.hpp"

namespace postern::policy {

/// The host and the template with its parameters' names left out. Two rules compete for a request with equal
/// rank only when their shapes are the same: templates that differ at some segment differ there in kind,
/// which ranks them, or in the literal, and then no request matches both; and no host matches two different
/// patterns of one length.
[[nodiscard]] std::string shape_of(const Rule& rule);

/// Reports each rule that shares a shape and a method with an earlier one, at its own place, naming the
/// earlier. A rule for named methods and one for any method do not overlap: the named one is more specific.
/// `files` are the policy's, by which places are told.
void report_overlaps(std::span<const Rule* const> rules, const FileViews& files, Diagnostics& diagnostics);

}  // namespace postern::policy
