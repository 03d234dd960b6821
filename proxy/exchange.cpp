#include "proxy/exchange.hpp"

#include <cstring>
#include <new>
#include <sys/mman.h>

namespace postern {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t slab_bytes = (sizeof(Exchange) + page - 1) / page * page;

}  // namespace

void Exchange::next_request() noexcept {
  const std::uint32_t ahead = in_window.size();
  if (ahead > 0 && in_window.begin > 0) std::memmove(in, in + in_window.begin, ahead);
  in_window = {0, ahead};
  out_window.clear();
  request_reader.reset();
  response_reader.reset();
  ::new (&facts) Facts;  // without clearing texts that have no length yet
  head_complete = false;
  upgrade = false;
  body_limit = 0;
  timeouts = {};
  answer_lines.clear();
  upstream = 0;
  credential_place = CredentialPlace::authorization;
  credential_cut = {};
  claim.token = OpenClaim::Token::none;
  subject_block_size = 0;
  host_size = 0;
  path.text = {};
  path.segment_count = 0;
  path.has_encoded_slash = false;
}

ExchangePool::~ExchangePool() {
  for (const auto* list : {&warm_, &cold_})
    for (Exchange* exchange : *list) ::munmap(exchange, slab_bytes);
}

Exchange* ExchangePool::lend() noexcept {
  for (auto* list : {&warm_, &cold_}) {
    if (list->empty()) continue;
    Exchange* exchange = list->back();
    list->pop_back();
    return new (exchange) Exchange;  // default-initialised: buffers are not touched
  }
  void* slab = ::mmap(nullptr, slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) return nullptr;
  return new (slab) Exchange;
}

void ExchangePool::give_back(Exchange* exchange) noexcept {
  if (warm_.size() < warm_max) {
    warm_.push_back(exchange);
    return;
  }
  if (cold_.size() < cold_max) {
    ::madvise(exchange, slab_bytes, MADV_DONTNEED);
    cold_.push_back(exchange);
    return;
  }
  ::munmap(exchange, slab_bytes);
}

}  // namespace postern
