#include "experiments/view/view.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace fedstrata {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kBesideBar = 18;  // heading, brackets, share

}  // namespace

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "-";
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(digits);
  out << value;
  return out.str();
}

std::string right(std::string const& text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 1, ' ') + text;
}

std::string bar(double share, Screen const& screen) {
  auto const width = screen.width == 0 ? kBarWidth : std::min(kBarWidth, screen.width - kBesideBar);
  auto const full = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  std::string marks(width, '.');
  std::fill_n(marks.begin(), full, '#');
  std::ostringstream out;
  out << '[' << marks << "] " << fixed(100.0 * share, 0) << " %";
  return out.str();
}

std::string progress_line(RunProgress const& progress, std::int64_t rounds) {
  std::string text = "round " + std::to_string(std::max<std::int64_t>(0, progress.round)) + "/" +
                     std::to_string(rounds) + "  " + progress.test.text() + "  train loss " +
                     compact(progress.train_loss, 4);
  if (progress.rate > 0.0) {
    text += "  " + compact(progress.rate, 2) + " rounds/s";
    if (progress.round < rounds) {
      text +=
          "  " + time_text(static_cast<double>(rounds - progress.round) / progress.rate) + " left";
    }
  }
  return text;
}

}  // namespace fedstrata
