#include "proxy/admin/own_headers.hpp"

#include <sys/stat.h>

#include "conf/upstream_headers.hpp"
#include "proxy/operator_log.hpp"

namespace postern::admin {
namespace {

void warn_if_readable_by_all(const Upstream& upstream) {
  struct stat status {};
  if (::stat(upstream.headers_file.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) return;
  operator_log(LogLevel::warning, "upstream " + upstream.name + ": everybody on this machine can read " +
                                      upstream.headers_file + "; chmod 640 it");
}

}  // namespace

std::optional<InjectedHeaders> load_own_headers(const Upstream& upstream, std::string_view subject_prefix,
                                                std::string& problem) {
  std::vector<UpstreamHeader> headers = upstream.headers;
  if (upstream.headers_file.empty()) return InjectedHeaders(headers);
  Diagnostics diagnostics;
  const auto read = load_upstream_headers(upstream.headers_file, diagnostics);
  headers.insert(headers.end(), read.begin(), read.end());
  const std::string flaw = upstream_headers_flaw(headers, subject_prefix);
  if (!flaw.empty()) diagnostics.add({upstream.headers_file, 0, 0}, flaw);
  if (!diagnostics.empty()) {
    problem = diagnostics.render(nullptr, nullptr);
    problem.pop_back();  // the last line feed
    return std::nullopt;
  }
  warn_if_readable_by_all(upstream);
  return InjectedHeaders(headers);
}

}  // namespace postern::admin
