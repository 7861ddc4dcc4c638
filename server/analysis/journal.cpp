#include "server/analysis/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using Header = std::array<std::int64_t, 4>;  // round, phase, unit, values

std::uint64_t checksum(std::span<std::byte const> header, std::span<std::byte const> values) {
  Checksum sum;
  sum.add(header);
  sum.add(values);
  return sum.value();
}

}  // namespace

AnalysisJournal::AnalysisJournal(std::filesystem::path file, bool resume) : file_(std::move(file)) {
  std::filesystem::create_directory(file_.parent_path());  // but not a run that was moved away
  descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT, 0644);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  // Of the open file, not of the process: read() closes another descriptor of it.
  bool const taken = descriptor_ >= 0 && ::fcntl(descriptor_, F_OFD_SETLK, &whole) != 0 &&
                     (errno == EACCES || errno == EAGAIN);
  require_input(!taken, "another process works on this analysis (" + file_.string() +
                            " is locked); wait for it or choose another --name");
  if (resume) read();
  bool const ready = descriptor_ >= 0 && ::ftruncate(descriptor_, valid_) == 0 &&
                     ::lseek(descriptor_, valid_, SEEK_SET) == valid_;
  require(ready, file_.string() + " cannot be written: " + std::strerror(errno));
}

AnalysisJournal::~AnalysisJournal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AnalysisJournal::read() {
  std::ifstream in(file_, std::ios::binary);
  std::vector<char> const bytes{std::istreambuf_iterator<char>(in), {}};
  auto const all = std::as_bytes(std::span(bytes));
  std::size_t at = 0;
  while (all.size() - at >= sizeof(Header)) {
    Header header{};
    std::memcpy(header.data(), &all[at], sizeof(Header));
    auto const left = all.size() - at - sizeof(Header);
    if (header[3] < 0 || static_cast<std::uint64_t>(header[3]) > left / sizeof(double)) break;
    auto const size = static_cast<std::size_t>(header[3]) * sizeof(double);
    if (left < size + sizeof(std::uint64_t)) break;
    auto const values = all.subspan(at + sizeof(Header), size);
    std::uint64_t sum = 0;
    std::memcpy(&sum, values.data() + size, sizeof(sum));
    if (sum != checksum(all.subspan(at, sizeof(Header)), values)) break;
    auto& known = known_[{header[0], header[1], header[2]}];
    known.resize(static_cast<std::size_t>(header[3]));
    std::ranges::copy(values, std::as_writable_bytes(std::span(known)).begin());
    at += sizeof(Header) + size + sizeof(sum);
  }
  valid_ = static_cast<std::int64_t>(at);
}

std::vector<double> const* AnalysisJournal::find(UnitIndex const& unit) const {
  auto const found = known_.find(unit);
  return found == known_.end() ? nullptr : &found->second;
}

void AnalysisJournal::append(UnitIndex const& unit, std::vector<double> const& values) {
  auto const [round, phase, number] = unit;
  Header const header{round, phase, number, std::ssize(values)};
  auto const head = std::as_bytes(std::span(header));
  auto const body = std::as_bytes(std::span(values));
  auto const sum = checksum(head, body);
  std::vector<std::byte> record(head.begin(), head.end());
  record.insert(record.end(), body.begin(), body.end());
  auto const tail = std::as_bytes(std::span(&sum, 1));
  record.insert(record.end(), tail.begin(), tail.end());
  for (std::size_t done = 0; done < record.size();) {
    auto const wrote = ::write(descriptor_, &record[done], record.size() - done);
    require(wrote > 0 || errno == EINTR, file_.string() +
                                             " could not be written: " + std::strerror(errno) +
                                             "; continue with --resume once there is room");
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
}

void AnalysisJournal::forget(std::int64_t round) {
  std::erase_if(known_, [round](auto const& entry) { return std::get<0>(entry.first) == round; });
}

void AnalysisJournal::remove() { std::filesystem::remove(file_); }

}  // namespace fedstrata
