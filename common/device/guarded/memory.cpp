#include "common/device/guarded/memory.hpp"

#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "common/base/error.hpp"
#include "common/device/guarded/counters.hpp"

namespace fedstrata::guarded {
namespace {

constexpr std::size_t kSize = std::size_t{32} << 30;  // of addresses: pages come when written
constexpr std::size_t kBlock = 512;                   // sizes are multiples, as CUDA's
constexpr std::uint32_t kNaN = 0x7fc00000U;

char* map(int file, int access) {
  void* const address = mmap(nullptr, kSize, access, MAP_SHARED | MAP_NORESERVE, file, 0);
  require(address != MAP_FAILED, "the guarded device has no addresses for its memory");
  return static_cast<char*>(address);
}

void watch_host();

class Memory {
 public:
  Memory() {
    int const file = memfd_create("guarded", MFD_CLOEXEC);
    require(file >= 0 && ftruncate(file, kSize) == 0, "the guarded device has no memory");
    device_ = map(file, PROT_NONE);
    kernels_ = map(file, PROT_READ | PROT_WRITE);
    close(file);
    watch_host();
  }

  void* allocate(std::size_t bytes) {
    std::lock_guard const lock(mutex_);
    bytes = (std::max<std::size_t>(bytes, 1) + kBlock - 1) / kBlock * kBlock;
    auto& free = free_[bytes];
    if (free.empty()) {
      require(used_ + bytes <= kSize, "the guarded device is out of memory");
      free.push_back(device_ + used_);
      used_ += bytes;
    }
    auto* const address = free.back();
    free.pop_back();
    sizes_[address] = bytes;
    count_allocation(static_cast<std::int64_t>(bytes));
    std::fill_n(static_cast<std::uint32_t*>(kernel_address(address)), bytes / sizeof(kNaN), kNaN);
    return address;
  }

  void release(char* address) {
    std::lock_guard const lock(mutex_);
    auto const bytes = sizes_.at(address);
    count_release(static_cast<std::int64_t>(bytes));
    free_[bytes].push_back(address);
  }

  void* kernel_address(void const* address) const {
    return kernels_ + (static_cast<char const*>(address) - device_);
  }
  bool is_kernel_address(void const* address) const { return within(kernels_, address); }
  bool is_device_address(void const* address) const { return within(device_, address); }

 private:
  static bool within(char const* begin, void const* address) {
    return address >= begin && address < begin + kSize;
  }

  char* device_;
  char* kernels_;
  std::size_t used_ = 0;
  std::map<std::size_t, std::vector<char*>> free_;  ///< by size
  std::map<char*, std::size_t> sizes_;
  std::mutex mutex_;
};

Memory& memory() {
  static auto* const one = new Memory;  // outlives all tensors
  return *one;
}

// Who was to be told of a SIGSEGV before.
struct sigaction before;

void say(char const* text) {
  [[maybe_unused]] auto const written = write(STDERR_FILENO, text, std::strlen(text));
}

/// Who was there before is told next, by the same signal.
void touched(int signal, siginfo_t* info, void*) {
  bool const fault = info->si_code > 0;  // else somebody sent it
  if (fault && memory().is_device_address(info->si_addr)) {
    say("fedstrata: the host touched device memory of the guarded device, here:\n");
    void* frames[16];
    backtrace_symbols_fd(frames, backtrace(frames, 16), STDERR_FILENO);
  }
  sigaction(SIGSEGV, &before, nullptr);
  if (!fault) raise(signal);  // otherwise the instruction is tried again
}

void watch_host() {
  void* frame[1];
  backtrace(frame, 1);  // what it loads at its first call cannot be loaded in a signal handler
  struct sigaction action {};
  action.sa_sigaction = touched;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &before);
}

}  // namespace

void* allocate(std::size_t bytes) { return memory().allocate(bytes); }
void release(void* address) { memory().release(static_cast<char*>(address)); }
void* kernel_address(void const* address) { return memory().kernel_address(address); }
bool is_kernel_address(void const* address) { return memory().is_kernel_address(address); }

}  // namespace fedstrata::guarded
