#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fedstrata {

// The rows of the tables in a run's HDF5 files (docs/file-format.md), as plain structs. `fields()`
// of each lists its columns; the store writes and reads any struct that has one.

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// ASCII text of fixed length, null-padded; longer text is cut.
template <std::size_t N>
struct FixedText {
  std::array<char, N> text{};
  FixedText() = default;
  FixedText(std::string_view s) { std::copy_n(s.begin(), std::min(N, s.size()), text.begin()); }
  FixedText(std::string const& s) : FixedText(std::string_view(s)) {}
  FixedText(char const* s) : FixedText(std::string_view(s)) {}
  std::string str() const { return {text.begin(), std::find(text.begin(), text.end(), '\0')}; }
  bool operator==(FixedText const&) const = default;
  auto operator<=>(FixedText const&) const = default;
};

enum class FieldType { int64, float64, text };

/// One column: its name, place in the struct and type (`size` in bytes, for text).
struct Field {
  char const* name;
  std::size_t offset;
  FieldType type;
  std::size_t size;
};

/// /metrics/rounds: one row a round; row 0 is the initialisation.
struct RoundRecord {
  std::int64_t round = 0;
  double lr = kAbsent;          ///< at the start of the round, without warm-up
  double train_loss = kAbsent;  ///< mean over the samples of the participants, while training
  double train_accuracy = kAbsent;
  double test_loss = kAbsent;  ///< of the averaged (global) model
  double test_accuracy = kAbsent;
  std::int64_t participants = 0;
  std::int64_t bytes = 0;             ///< 2 x participants x due elements x 4
  double test_loss_before = kAbsent;  ///< mean over participants, own models
  double test_loss_after = kAbsent;
  double test_accuracy_before = kAbsent;
  double test_accuracy_after = kAbsent;
  double test_accuracy_local_before = kAbsent;
  double test_accuracy_local_after = kAbsent;
  double test_accuracy_before_worst = kAbsent;  ///< mean of the worst tenth of participants
  double test_accuracy_after_worst = kAbsent;
  double test_accuracy_local_before_worst = kAbsent;
  double test_accuracy_local_after_worst = kAbsent;
  double seconds_train = kAbsent;  ///< mean over client ranks
  double seconds_aggregate = kAbsent;
  double seconds_wait = kAbsent;
  double seconds_evaluate = kAbsent;
  double seconds_round = kAbsent;  ///< wall time of the round
  static std::span<Field const> fields();
};

/// /metrics/clients: one row a round and participant.
struct ClientRecord {
  std::int64_t round = 0;
  std::int64_t client = 0;
  std::int64_t samples = 0;
  double train_loss = kAbsent;
  double train_accuracy = kAbsent;
  double distance = kAbsent;  ///< L2 to the participants' weighted mean, before averaging
  double test_loss_before = kAbsent;
  double test_loss_after = kAbsent;
  double test_accuracy_before = kAbsent;
  double test_accuracy_after = kAbsent;
  double test_accuracy_local_before = kAbsent;  ///< per-class accuracies weighted by own labels
  double test_accuracy_local_after = kAbsent;
  std::int64_t excluded = 0;  ///< 1: diverged and left out of the averages
  double seconds_train = kAbsent;
  std::int64_t run_rank = 0;
  static std::span<Field const> fields();
};

/// /metrics/layers: one row a round and layer.
struct LayerRecord {
  std::int64_t round = 0;
  FixedText<64> layer;
  std::int64_t averaged = 0;
  double divergence = kAbsent;  ///< sqrt of the weighted mean of |x_i - mean|^2 over participants
  double cosine = kAbsent;      ///< weighted mean of cos(x_i, mean)
  static std::span<Field const> fields();
};

/// /provenance: one row a start.
struct ProvenanceRecord {
  FixedText<32> version;
  FixedText<128> build;      ///< compiler, build type
  FixedText<192> libraries;  ///< LibTorch, BLAS, MPI, HDF5
  FixedText<96> cpu;
  FixedText<256> hosts;
  FixedText<64> slurm_job;
  FixedText<32> start_time;  ///< UTC, ISO 8601
  std::int64_t ranks = 0;
  static std::span<Field const> fields();
};

/// /barriers/NAME/points: one row an evaluated point.
struct PointRecord {
  std::int64_t round = 0;
  FixedText<8> split;
  FixedText<32> kind;
  FixedText<128> target;
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t round_b = 0;
  FixedText<96> other_run;
  std::int64_t rest = -1;
  std::int64_t draw = 0;
  double alpha = kAbsent;
  double loss = kAbsent;
  double error = kAbsent;
  static std::span<Field const> fields();
};

/// /barriers/NAME/barriers: one row a curve; definitions in docs/file-format.md.
struct BarrierRecord {
  std::int64_t round = 0;
  FixedText<8> split;
  FixedText<32> kind;
  FixedText<128> target;
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t round_b = 0;
  FixedText<96> other_run;
  std::int64_t rest = -1;
  std::int64_t draw = 0;
  double loss_mid = kAbsent, loss_path = kAbsent, alpha_path = kAbsent, loss_swap = kAbsent;
  double error_mid = kAbsent, error_path = kAbsent, error_swap = kAbsent;
  double loss_a = kAbsent, loss_b = kAbsent, error_a = kAbsent, error_b = kAbsent;
  std::int64_t samples = 0;
  double loss_mid_low = kAbsent, loss_mid_high = kAbsent;
  double loss_path_low = kAbsent, loss_path_high = kAbsent;
  double loss_swap_low = kAbsent, loss_swap_high = kAbsent;
  double error_mid_low = kAbsent, error_mid_high = kAbsent;
  double error_path_low = kAbsent, error_path_high = kAbsent;
  double error_swap_low = kAbsent, error_swap_high = kAbsent;
  double loss_sup = kAbsent, alpha_sup = kAbsent;
  double loss_predicted = kAbsent;
  std::int64_t layers = 0;  ///< interpolated together
  static std::span<Field const> fields();
};

/// /barriers/NAME/skipped: pairs that were asked for and not computed.
struct SkippedRecord {
  std::int64_t round = 0;
  std::int64_t a = 0;
  std::int64_t b = 0;
  FixedText<96> reason;
  static std::span<Field const> fields();
};

/// /barriers/NAME/geometry: distance and angle of two models, per layer and whole ("all").
struct GeometryRecord {
  std::int64_t round = 0;
  FixedText<64> layer;
  std::int64_t a = 0;
  std::int64_t b = 0;  ///< client, -2 mean of the participants, -3 a's initialisation
  double distance = kAbsent;
  double cosine = kAbsent;
  double norm_a = kAbsent;
  double norm_b = kAbsent;
  double norm_ratio = kAbsent;  ///< norm_b / norm_a
  static std::span<Field const> fields();
};

/// /barriers/NAME/spread: singular values of the clients' differences from their mean.
struct SpreadRecord {
  std::int64_t round = 0;
  FixedText<64> layer;  ///< "all": the whole row
  std::int64_t index = 0;
  double singular_value = kAbsent;  ///< of [clients, elements]; descending
  static std::span<Field const> fields();
};

/// /barriers/NAME/plane: one row a point of a plane through three clients.
struct PlaneRecord {
  std::int64_t round = 0;
  FixedText<8> split;
  FixedText<128> target;
  std::int64_t a = 0, b = 0, c = 0;
  std::int64_t rest = -1;
  double u = kAbsent, v = kAbsent;  ///< the model a + u (b - a) + v (c - a)
  double x = kAbsent, y = kAbsent;  ///< orthonormal coordinates (L2): a at 0, b on the x axis
  double loss = kAbsent;
  double error = kAbsent;
  static std::span<Field const> fields();
};

/// /barriers/NAME/permutations: how the hidden units of b were permuted to match those of a.
struct PermutationRecord {
  std::int64_t round = 0;
  std::int64_t a = 0, b = 0;
  std::int64_t group = 0;  ///< of units that are permuted together
  std::int64_t place = 0;
  std::int64_t unit = 0;  ///< of b, that came to this place
  static std::span<Field const> fields();
};

/// /barriers/NAME/unit_axes: along which axes of which tensors the units of a group lie.
struct UnitAxisRecord {
  std::int64_t round = 0;
  FixedText<128> tensor;
  std::int64_t axis = 0;
  std::int64_t group = 0;
  static std::span<Field const> fields();
};

/// /layers: one row a layer, in the order of the row's elements.
struct LayerTableRecord {
  FixedText<64> name;
  std::int64_t offset = 0;  ///< elements
  std::int64_t size = 0;
  std::int64_t stage = 0;
  FixedText<8> type;  ///< conv, linear, norm or other
  std::int64_t buffer_offset = 0;
  std::int64_t buffer_size = 0;
  static std::span<Field const> fields();
};

/// /parameters and /buffers: one row a tensor.
struct TensorRecord {
  FixedText<128> name;
  FixedText<64> layer;
  std::int64_t offset = 0;  ///< elements
  std::int64_t size = 0;
  FixedText<48> shape;  ///< "64x3x3x3"; empty for a scalar
  static std::span<Field const> fields();
};

/// /files: one row a file of the run that the index names.
struct FileRecord {
  FixedText<160> name;  ///< relative to the run directory
  std::int64_t bytes = 0;
  FixedText<16> checksum;  ///< XXH64 of the whole file, 16 hexadecimal digits; empty: not known
  std::int64_t run_modified = 0;  ///< time of last modification, ns since 1970
  static std::span<Field const> fields();
};

}  // namespace fedstrata
