// The authentication server that nginx's auth_request and Caddy's forward_auth ask for every request: as
// small as it can be, so that what is measured is the asking.
//
//     auth SUBJECTS        says "port N"; runs until it is killed
//
// A line of SUBJECTS is "TOKEN ID|NAME|RIGHTS". The method and the target of the client's request stand in
// X-Forwarded-Method and X-Forwarded-Uri. 200 carries the subject in three fields; 401 and 403 carry nothing.

#include <fstream>
#include <unordered_map>

#include "tests/bench/head_server.hpp"

namespace postern::bench {
namespace {

constexpr std::string_view scheme = "Bearer ";
constexpr std::string_view right = "orders.read";
constexpr std::string_view path = "/api/v1/orders/";

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
// The answer to a token is the same each time, so it is made once.
using Answers = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;

std::string refusal(std::string_view status) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n";
}

Answers read_subjects(const char* file) {
  Answers answers;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    const std::size_t name = line.find('|', blank);
    const std::size_t rights = line.find('|', name + 1);
    if (rights == line.npos) give_up("a subject without rights");
    if (line.substr(rights + 1) != right) continue;
    answers.emplace(line.substr(0, blank),
                    "HTTP/1.1 200 OK\r\nX-Subject-Id: " + line.substr(blank + 1, name - blank - 1) +
                        "\r\nX-Subject-Name: " + line.substr(name + 1, rights - name - 1) +
                        "\r\nX-Subject-Type: token\r\nContent-Length: 0\r\n\r\n");
  }
  return answers;
}

[[noreturn]] void run(const char* file) {
  const Answers answers = read_subjects(file);
  const std::string unknown = refusal("401 Unauthorized"), forbidden = refusal("403 Forbidden");
  const auto answer_to = [&](std::string_view head) -> std::string_view {
    std::string_view credential = field(head, "authorization");
    if (!credential.starts_with(scheme)) return unknown;
    credential.remove_prefix(scheme.size());
    const auto found = answers.find(credential);
    if (found == answers.end()) return unknown;
    const std::string_view method = field(head, "x-forwarded-method");
    const bool allowed =
        (method == "GET" || method == "POST") && field(head, "x-forwarded-uri").starts_with(path);
    return allowed ? std::string_view(found->second) : forbidden;
  };
  HeadServer(answer_to).run();
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("auth SUBJECTS\n", stderr);
    return 2;
  }
  postern::bench::run(argv[1]);
}
