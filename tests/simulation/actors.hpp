// Who acts in a play. A client has wishes and says them in pieces; an upstream connection reads what comes
// and answers. Both keep what they saw, so that it can be reckoned up.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/body_reader.hpp"
#include "tests/simulation/play.hpp"

namespace postern::test {

/// One request, and what is to be answered to it. Both sides know it by its number.
struct Wish {
  std::uint64_t number = 0;
  std::string method;
  bool granted = false;     ///< the rule lets it pass
  bool repeatable = false;  ///< idempotent and without a body: may arrive twice
  std::string body;
  std::string bytes;  ///< of the request

  int status = 200;
  Framing framing = Framing::length;  ///< of the answer
  std::string answer_body;
  bool early = false;  ///< answered before its body is read

  int arrivals = 0;  ///< heads that reached the upstream
};
using Wishes = std::map<std::uint64_t, Wish>;

/// What may go wrong, by draws.
struct Faults {
  bool any = false;
  /// Upstreams say what nobody asked for. It is dropped, unless it arrives in the instant in which its
  /// connection is lent again: then nobody can tell it from the answer, so whose answer it is is not
  /// reckoned.
  bool unsolicited = false;
};

class ClientActor {
 public:
  ClientActor(Connection line, std::vector<Wish*> wishes, Draws& draws, Faults faults);
  void act();
  [[nodiscard]] bool done() const noexcept { return line_.ended() || !line_.open(); }
  /// Everything has been answered, or the last answer said that the connection ends.
  [[nodiscard]] bool satisfied();
  void leave() noexcept { line_.close(); }
  /// What was wrong with what came, or empty.
  [[nodiscard]] std::string reckon();

 private:
  enum class Seen { nothing_more, incomplete, answer, wrong };
  Seen next_answer(Wish& wish, std::size_t& at, bool& closes, std::string& wrong);

  Connection line_;
  std::vector<Wish*> wishes_;
  Draws& draws_;
  Faults faults_;
  std::string out_;
  std::size_t said_ = 0;
  std::string heard_;
  bool lazy_ = false;  ///< reads slowly
};

class UpstreamActor {
 public:
  UpstreamActor(Connection line, Wishes& wishes, Draws& draws, Faults faults, std::string_view token);
  void act();
  [[nodiscard]] bool gone() const noexcept { return !line_.open(); }
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

 private:
  void read();
  void take_head();
  void prepare_answer();
  void say();

  Connection line_;
  Wishes& wishes_;
  Draws& draws_;
  Faults faults_;
  std::string_view token_;
  std::string wrong_;

  std::string heard_;  ///< from the request being read on
  std::size_t at_ = 0;
  RequestReader reader_;
  RequestHead head_;
  Wish* wish_ = nullptr;  ///< being read or answered
  BodyReader body_;
  std::string body_read_;
  std::string out_;
  std::size_t said_ = 0;
  std::size_t breaks_at_ = std::string::npos;  ///< of `out_`: a fault
  bool answering_ = false;
  bool silent_ = false;  ///< a fault: never answers
};

}  // namespace postern::test
