// Certificates and keys of the client side: read at a start, and again when their files change.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "proxy/tls_context.hpp"

namespace postern::admin {

/// Names and contents of files, as digests: a private key is not kept for comparing.
[[nodiscard]] std::string fingerprint(const std::vector<std::string>& files);

class Certificates {
 public:
  /// Reads the files that `tls` names. On an error what was in force stays.
  [[nodiscard]] Status load(const Tls& tls);
  /// Whether the files differ from what load() last found, good or bad.
  [[nodiscard]] bool changed(const Tls& tls) const;
  /// What to show clients; null before the first load().
  [[nodiscard]] const std::shared_ptr<const TlsContext>& in_force() const noexcept { return in_force_; }
  /// What is odd about it.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
  /// To be watched.
  [[nodiscard]] static std::vector<std::string> files(const Tls& tls);

 private:
  std::shared_ptr<const TlsContext> in_force_;
  std::vector<std::string> warnings_;
  std::string fingerprint_;  ///< of the files when they were last read
};

}  // namespace postern::admin
