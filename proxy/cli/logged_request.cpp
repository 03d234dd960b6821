#include "proxy/cli/logged_request.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// Takes the fields of one line apart; the first thing that is wrong is kept.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  void text(std::string_view key, std::string& value, bool needed = false) {
    value.clear();
    const json::value* found = object_.if_contains(key);
    if (found == nullptr)
      require(!needed, key, "is missing");
    else if (found->is_string())
      take(key, found->get_string(), value);
    else
      require(false, key, "is no text");
  }
  void require(bool holds, std::string_view key, std::string_view flaw) {
    if (!holds && flaw_.empty()) flaw_ = '"' + std::string(key) + "\" " + std::string(flaw);
  }
  [[nodiscard]] std::string flaw() && { return std::move(flaw_); }

 private:
  /// None of ours holds a control character, and a terminal would obey it.
  void take(std::string_view key, const json::string& text, std::string& value) {
    value.assign(text.data(), text.size());
    require(std::none_of(value.begin(), value.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
            key, "holds a control character");
  }

  const json::object& object_;
  std::string flaw_;
};

std::string read_fields(const json::object& object, LoggedRequest& request) {
  Fields fields(object);
  std::string client, verdict, token_state;
  fields.text("time", request.time, true);
  fields.text("client", client, true);
  fields.text("method", request.method, true);
  fields.text("host", request.host, true);
  fields.text("path", request.path, true);
  fields.text("code", request.code);
  fields.text("verdict", verdict);
  fields.text("token_state", token_state);
  fields.text("token", request.token);
  fields.text("client_certificate", request.certificate);
  fields.text("rule", request.rule);
  request.decided = !verdict.empty();
  fields.text("reason", request.reason, request.decided);
  fields.text("subject_type", request.subject_type, request.decided);
  fields.text("subject", request.subject, request.decided);
  fields.require(verdict.empty() || verdict == "allow" || verdict == "deny", "verdict",
                 "is neither allow nor deny");
  request.allowed = verdict == "allow";
  const json::value* shadowed = object.if_contains("shadowed");
  fields.require(shadowed == nullptr || shadowed->is_bool(), "shadowed", "is neither true nor false");
  request.shadowed = shadowed != nullptr && shadowed->is_bool() && shadowed->get_bool();
  request.credential = token_state.empty()      ? policy::Credential::absent
                       : token_state == "valid" ? policy::Credential::valid
                                                : policy::Credential::unusable;
  request.client = {};
  if (!client.empty()) {
    const auto address = parse_address(client);
    fields.require(address.has_value(), "client", "is no address");
    if (address) request.client = *address;
  }
  return std::move(fields).flaw();
}

}  // namespace

std::string read_logged(std::string_view line, LoggedRequest& request) {
  unsigned char memory[16 * 1024];
  json::monotonic_resource resource(memory);
  json::error_code error;
  const json::value value = json::parse(line, error, &resource);
  if (error) return "no JSON: " + error.message();
  if (!value.is_object()) return "no JSON object";
  return read_fields(value.get_object(), request);
}

void LogReader::add_broken(const std::string& file, std::uint64_t number, std::string why) {
  ++broken_count_;
  if (broken_.size() < broken_kept_max) broken_.push_back({file, number, std::move(why)});
}

void LogReader::take_line(const std::string& file, std::uint64_t number, std::string_view line,
                          const Take& take) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return;
  ++lines_;
  if (line.size() > limits::log_line_bytes_max)
    return add_broken(file, number, "longer than any line of the log");
  LoggedRequest request;
  if (std::string flaw = read_logged(line, request); !flaw.empty())
    return add_broken(file, number, std::move(flaw));
  AskedRequest asked;
  if (request.decided) {
    const std::string flaw = asked.read(request.method, request.path, request.host);
    // A rule was asked, so the gate had them in canonical form, and wrote down just that.
    const bool slash = asked.error() == policy::TargetError::encoded_slash;
    const bool path =
        slash || (asked.error() == policy::TargetError::none && asked.path().text == request.path);
    const bool canonical =
        flaw.empty() && path && asked.host() == request.host && asked.method() == request.method;
    if (!canonical) return add_broken(file, number, "method, host or path are not in canonical form");
  }
  take(request, asked);
}

bool LogReader::read(const std::string& file, const Take& take) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const auto failed = [&] {
    complain(file + ": " + std::strerror(errno));
    if (descriptor >= 0) ::close(descriptor);
    return false;
  };
  if (descriptor < 0) return failed();
  constexpr std::size_t room = 256 * 1024;
  const auto buffer = std::make_unique<char[]>(room);
  std::size_t filled = 0;
  std::uint64_t number = 1;
  bool overlong = false;  // the rest of a line is still to be skipped
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.get() + filled, room - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    std::string_view rest(buffer.get(), filled + static_cast<std::size_t>(count));
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (!overlong) take_line(file, number, rest.substr(0, end), take);
      overlong = false;
      ++number;
      rest.remove_prefix(end + 1);
    }
    if (count == 0) {
      if (!overlong) take_line(file, number, rest, take);
      break;
    }
    if (rest.size() > limits::log_line_bytes_max && !overlong) {
      take_line(file, number, rest, take);  // says that it is too long
      overlong = true;
    }
    if (overlong) rest = {};
    std::memmove(buffer.get(), rest.data(), rest.size());
    filled = rest.size();
  }
  ::close(descriptor);
  return true;
}

}  // namespace postern::cli
