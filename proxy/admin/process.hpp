// Facts about the process and the machine that the control plane needs.

#pragma once

#include <cstdint>

namespace postern::admin {

/// How many cores this process may use: its affinity, bounded by its control group's quota, at least one.
[[nodiscard]] std::uint32_t usable_cores();

/// Raises the limit of open files as far as the system lets us: each connection needs one.
void raise_file_limit() noexcept;

/// The store is mapped memory: a page that its file no longer has, or a disk that fails under it, is a SIGBUS
/// at the look at it. The process ends then (never open), with a sentence and exit code 1.
void explain_bus_errors() noexcept;
/// Memory holds secrets of clients: no core dump of this process is written, and nobody but root may look
/// into it.
void keep_memory_private() noexcept;

/// Unmaps the pages of the program itself, once it serves: most of it is only for a start and for commands.
/// What is needed comes back from the system's cache at its next touch.
void let_go_of_program_pages() noexcept;

/// Blocks the signals that only the control thread may see; to be called before any thread is made. SIGPIPE
/// is ignored.
void block_signals() noexcept;
/// Lets them in again, for the calling thread.
void unblock_signals() noexcept;

}  // namespace postern::admin
