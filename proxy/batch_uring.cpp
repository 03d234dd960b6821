#include <array>
#include <cerrno>
#include <cstring>
#include <liburing.h>

#include "proxy/batch.hpp"
#include "proxy/stream.hpp"

namespace postern {

/// A ring that is filled, submitted and emptied in one go. No call in it may block, so that all are done when
/// the kernel comes back, and nothing of ours is in its hands between two turns of the loop.
struct Batch::Ring {
  static constexpr unsigned entries = 256;

  io_uring uring{};
  bool open = false;
  bool broken =
      false;  ///< the kernel did not take all of a batch: what is left in the ring must never go there
  unsigned count = 0;
  std::array<io_uring_sqe*, entries> calls;
  std::array<Operation*, entries> operations;  ///< null: forgotten

  ~Ring() {
    if (open) io_uring_queue_exit(&uring);
  }
  io_uring_sqe* add(Operation& operation) noexcept {
    io_uring_sqe* const call = count < entries && !broken ? io_uring_get_sqe(&uring) : nullptr;
    if (call == nullptr) return nullptr;
    calls[count] = call;
    operations[count] = &operation;
    operation.batched(++count);
    return call;
  }
};

Batch::Batch(std::unique_ptr<Ring> ring) noexcept : ring_(std::move(ring)) {}
Batch::~Batch() = default;

std::unique_ptr<Batch> Batch::make(std::string& why) {
  auto ring = std::make_unique<Ring>();
  // Kernels before 5.19 know neither flag; without them a batch ends at the first call that is not well
  // formed.
  int code =
      io_uring_queue_init(Ring::entries, &ring->uring, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL);
  if (code == -EINVAL) code = io_uring_queue_init(Ring::entries, &ring->uring, 0);
  if (code != 0) {  // seccomp of a container, kernel.io_uring_disabled, or no memory that may be locked
    why = std::strerror(-code);
    return nullptr;
  }
  ring->open = true;
  return std::unique_ptr<Batch>(new Batch(std::move(ring)));
}

bool Batch::receive(Operation& operation, int fd, std::span<char> buffer) noexcept {
  io_uring_sqe* const call = ring_->add(operation);
  if (call == nullptr) return false;
  io_uring_prep_recv(call, fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  io_uring_sqe_set_data64(call, ring_->count);
  return true;
}

bool Batch::send(Operation& operation, int fd, const msghdr& message) noexcept {
  io_uring_sqe* const call = ring_->add(operation);
  if (call == nullptr) return false;
  if (message.msg_iovlen == 1)
    io_uring_prep_send(call, fd, message.msg_iov->iov_base, message.msg_iov->iov_len,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
  else
    io_uring_prep_sendmsg(call, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  io_uring_sqe_set_data64(call, ring_->count);
  return true;
}

void Batch::forget(Operation& operation) noexcept {
  const unsigned slot = operation.batched();
  if (slot == 0) return;
  operation.batched(0);
  ring_->operations[slot - 1] = nullptr;
  io_uring_prep_nop(ring_->calls[slot - 1]);
  io_uring_sqe_set_data64(ring_->calls[slot - 1], slot);
}

bool Batch::submit() noexcept {
  const unsigned count = ring_->count;
  if (count == 0) return false;
  std::array<int, Ring::entries> results;
  results.fill(Operation::not_made);
  for (unsigned done = 0; done < count && !ring_->broken;) {  // once, unless a signal cuts it
    const int code = io_uring_submit_and_wait(&ring_->uring, count - done);
    ring_->broken = code < 0 && code != -EINTR;
    io_uring_cqe* completion = nullptr;
    unsigned head = 0, seen = 0;
    io_uring_for_each_cqe(&ring_->uring, head, completion) {
      results[completion->user_data - 1] = completion->res;
      ++seen;
    }
    io_uring_cq_advance(&ring_->uring, seen);
    done += seen;
  }
  // Emptied before anybody is told: who is told may begin anew.
  const std::array<Operation*, Ring::entries> operations = ring_->operations;
  ring_->count = 0;
  for (unsigned i = 0; i < count; ++i)
    if (operations[i] != nullptr) operations[i]->batched(0);
  for (unsigned i = 0; i < count; ++i)
    if (operations[i] != nullptr) operations[i]->done(results[i]);
  return true;
}

}  // namespace postern
