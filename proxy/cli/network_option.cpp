#include "proxy/cli/network_option.hpp"

#include "conf/option.hpp"

namespace postern::cli {

Arguments::Take take_network(std::vector<Network>& networks) {
  return [&networks](const std::string& given) -> std::string {
    if (const auto network = parse_network(given)) {
      networks.push_back(*network);
      return {};
    }
    const auto meant = enclosing_network(given);
    return "\"" + given + "\" is no network; " +
           (meant ? "did you mean \"" + to_string(*meant) + "\"?" : "write 10.0.0.0/8 or 2001:db8::/32");
  };
}

Arguments::Take take_network(std::optional<std::vector<Network>>& networks) {
  return [&networks](const std::string& given) -> std::string {
    if (!networks) networks.emplace();
    return given.empty() ? "" : take_network(*networks)(given);
  };
}

}  // namespace postern::cli
