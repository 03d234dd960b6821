// The API behind every contender: answers each request with 200 and a body of BYTES bytes, keeps every
// connection, and passes over the body of a request.
//
//     upstream [BYTES]        says "port N"; runs until it is killed
//
// A target that ends in "/echo" is answered with the head that arrived, so that a test sees what passed.

#include "tests/bench/head_server.hpp"

namespace postern::bench {
namespace {

std::string answer_with(std::string_view body) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
  answer += std::to_string(body.size());
  answer += "\r\n\r\n";
  answer += body;
  return answer;
}

bool asks_for_echo(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  return line.find("/echo HTTP/") != std::string_view::npos;
}

[[noreturn]] void run(std::size_t body_bytes) {
  const std::string usual_answer = answer_with(std::string(body_bytes, 'x'));
  std::string echo;
  const auto answer_to = [&](std::string_view head) -> std::string_view {
    if (!asks_for_echo(head)) return usual_answer;
    echo = answer_with(head);
    return echo;
  };
  HeadServer(answer_to).run();
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  postern::bench::run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200);
}
