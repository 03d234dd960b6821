#include "proxy/exchange.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <type_traits>

namespace postern {
namespace {

constexpr std::size_t page = 4096;
static_assert(std::is_trivially_destructible_v<Exchange>, "its memory is given back as it is");
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
  upgrade = trailers = false;
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
  if (!warm_.empty()) {
    Exchange* const exchange = warm_.back();
    warm_.pop_back();
    unused_ = std::min(unused_, warm_.size());
    exchange->in_window.clear();  // what the last client has sent ahead is nobody else's
    return exchange;
  }
  void* slab = nullptr;
  if (!cold_.empty()) {
    slab = cold_.back();
    cold_.pop_back();
  } else {
    slab = ::mmap(nullptr, slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED) return nullptr;
  }
  return new (slab) Exchange;  // default-initialised: buffers are not touched
}

void ExchangePool::give_back(Exchange* exchange) noexcept {
  warm_.push_back(exchange);
  if (warm_.size() <= warm_min || armed()) return;
  unused_ = warm_.size();
  reactor_.deadlines().arm(*this, Wait::unused, reactor_.now());
}

void ExchangePool::expire() noexcept {
  // The last returned is the first lent, so those that nobody took lie in front.
  const std::size_t unneeded = unused_ - std::min(unused_, warm_min);
  const std::size_t going = std::min(unneeded, cooled_at_once_max);
  for (std::size_t i = 0; i < going; ++i) cool(warm_[i]);
  warm_.erase(warm_.begin(), warm_.begin() + static_cast<std::ptrdiff_t>(going));
  unused_ = warm_.size();
  if (warm_.size() > warm_min) reactor_.deadlines().arm(*this, Wait::unused, reactor_.now());
}

void ExchangePool::cool(Exchange* exchange) noexcept {
  if (cold_.size() == cold_max) {
    ::munmap(exchange, slab_bytes);
    return;
  }
  ::madvise(exchange, slab_bytes, MADV_DONTNEED);
  cold_.push_back(exchange);
}

}  // namespace postern
