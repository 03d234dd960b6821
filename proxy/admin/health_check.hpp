// Asks each address of an upstream again and again whether it is well, so that a request need not find out.

#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "proxy/admin/upstream_names.hpp"
#include "proxy/tls_client.hpp"

namespace postern::admin {

class HealthChecks {
 public:
  /// Tells what is news about the address in a slot. Every address is well until it has been found otherwise.
  using Changed = std::function<void(std::size_t slot, bool healthy)>;
  /// Complete header lines that a question carries, our credential there; called before each one.
  using OwnLines = std::function<std::string()>;

  /// How the upstream is verified; null: it is asked in plain text. Called before each question.
  using TlsNow = std::function<std::shared_ptr<const TlsClient>()>;

  HealthChecks(boost::asio::io_context& io, const Upstream& upstream, OwnLines own_lines, TlsNow tls,
               Changed changed);
  ~HealthChecks();

  /// Asks these addresses from now on, and no others. One that is asked already goes on with what is known
  /// about it.
  void watch(const std::vector<FoundAddress>& addresses);

 private:
  struct Shared;
  struct Check;
  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Check>> checks_;
};

}  // namespace postern::admin
