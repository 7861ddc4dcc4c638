#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/hdf5/field.hpp"

namespace fedstrata {

// The rows of the tables in a run's HDF5 files (docs/file-format.md), as plain structs. `fields()`
// of each lists its columns in the order of the file. Rows are sorted by the columns before the
// first float64. Tables that grow by rounds have a name, `kTable`, and the round as their first
// column; common/store/tables.hpp lists them.

/// /metrics/rounds: one row a round; row 0 is the initialisation.
struct RoundRecord {
  static constexpr char const* kTable = "rounds";
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

  static std::span<Field const> fields() {
    using R = RoundRecord;
    static std::array const all{
        field<R>("round", &R::round),
        field<R>("lr", &R::lr),
        field<R>("train_loss", &R::train_loss),
        field<R>("train_accuracy", &R::train_accuracy),
        field<R>("test_loss", &R::test_loss),
        field<R>("test_accuracy", &R::test_accuracy),
        field<R>("participants", &R::participants),
        field<R>("bytes", &R::bytes),
        field<R>("test_loss_before", &R::test_loss_before),
        field<R>("test_loss_after", &R::test_loss_after),
        field<R>("test_accuracy_before", &R::test_accuracy_before),
        field<R>("test_accuracy_after", &R::test_accuracy_after),
        field<R>("test_accuracy_local_before", &R::test_accuracy_local_before),
        field<R>("test_accuracy_local_after", &R::test_accuracy_local_after),
        field<R>("test_accuracy_before_worst", &R::test_accuracy_before_worst),
        field<R>("test_accuracy_after_worst", &R::test_accuracy_after_worst),
        field<R>("test_accuracy_local_before_worst", &R::test_accuracy_local_before_worst),
        field<R>("test_accuracy_local_after_worst", &R::test_accuracy_local_after_worst),
        field<R>("seconds_train", &R::seconds_train),
        field<R>("seconds_aggregate", &R::seconds_aggregate),
        field<R>("seconds_wait", &R::seconds_wait),
        field<R>("seconds_evaluate", &R::seconds_evaluate),
        field<R>("seconds_round", &R::seconds_round)};
    return all;
  }
};

/// /metrics/clients: one row a round and participant.
struct ClientRecord {
  static constexpr char const* kTable = "clients";
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

  static std::span<Field const> fields() {
    using R = ClientRecord;
    static std::array const all{
        field<R>("round", &R::round),
        field<R>("client", &R::client),
        field<R>("samples", &R::samples),
        field<R>("train_loss", &R::train_loss),
        field<R>("train_accuracy", &R::train_accuracy),
        field<R>("distance", &R::distance),
        field<R>("test_loss_before", &R::test_loss_before),
        field<R>("test_loss_after", &R::test_loss_after),
        field<R>("test_accuracy_before", &R::test_accuracy_before),
        field<R>("test_accuracy_after", &R::test_accuracy_after),
        field<R>("test_accuracy_local_before", &R::test_accuracy_local_before),
        field<R>("test_accuracy_local_after", &R::test_accuracy_local_after),
        field<R>("excluded", &R::excluded),
        field<R>("seconds_train", &R::seconds_train),
        field<R>("run_rank", &R::run_rank)};
    return all;
  }
};

/// /metrics/layers: one row a round and layer.
struct LayerRecord {
  static constexpr char const* kTable = "layers";
  std::int64_t round = 0;
  FixedText<64> layer;
  std::int64_t averaged = 0;
  double divergence = kAbsent;  ///< sqrt of the weighted mean of |x_i - mean|^2 over participants
  double cosine = kAbsent;      ///< weighted mean of cos(x_i, mean)

  static std::span<Field const> fields() {
    using R = LayerRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("layer", &R::layer),
                                field<R>("averaged", &R::averaged),
                                field<R>("divergence", &R::divergence),
                                field<R>("cosine", &R::cosine)};
    return all;
  }
};

/// /metrics/averaged: one row a round and layer averaged in it.
struct AveragedRecord {
  static constexpr char const* kTable = "averaged";
  std::int64_t round = 0;
  FixedText<32> group;  ///< the averaging group that the layer belongs to
  FixedText<64> layer;
  std::int64_t elements = 0;  ///< parameters and buffers
  std::int64_t bytes = 0;     ///< 2 x participants x elements x 4

  static std::span<Field const> fields() {
    using R = AveragedRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("group", &R::group),
                                field<R>("layer", &R::layer), field<R>("elements", &R::elements),
                                field<R>("bytes", &R::bytes)};
    return all;
  }
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

  static std::span<Field const> fields() {
    using R = ProvenanceRecord;
    static std::array const all{
        field<R>("version", &R::version),       field<R>("build", &R::build),
        field<R>("libraries", &R::libraries),   field<R>("cpu", &R::cpu),
        field<R>("hosts", &R::hosts),           field<R>("slurm_job", &R::slurm_job),
        field<R>("start_time", &R::start_time), field<R>("ranks", &R::ranks)};
    return all;
  }
};

/// Which curve a row is of: what points and barriers have in common, in front.
struct CurveRecord {
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

  /// The columns of a record that begins with these and goes on with `own`.
  template <class R>
  static std::vector<Field> with_curve(std::vector<Field> own) {
    std::vector<Field> all{field<R>("round", &R::round),
                           field<R>("split", &R::split),
                           field<R>("kind", &R::kind),
                           field<R>("target", &R::target),
                           field<R>("a", &R::a),
                           field<R>("b", &R::b),
                           field<R>("round_b", &R::round_b),
                           field<R>("other_run", &R::other_run),
                           field<R>("rest", &R::rest),
                           field<R>("draw", &R::draw)};
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }
};

/// /barriers/NAME/points: one row an evaluated point.
struct PointRecord : CurveRecord {
  static constexpr char const* kTable = "points";
  double alpha = kAbsent;
  double loss = kAbsent;
  double error = kAbsent;

  static std::span<Field const> fields() {
    using R = PointRecord;
    static auto const all = with_curve<R>(
        {field<R>("alpha", &R::alpha), field<R>("loss", &R::loss), field<R>("error", &R::error)});
    return all;
  }
};

/// /barriers/NAME/barriers: one row a curve; definitions in docs/file-format.md.
struct BarrierRecord : CurveRecord {
  static constexpr char const* kTable = "barriers";
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

  static std::span<Field const> fields() {
    using R = BarrierRecord;
    static auto const all = with_curve<R>({field<R>("loss_mid", &R::loss_mid),
                                           field<R>("loss_path", &R::loss_path),
                                           field<R>("alpha_path", &R::alpha_path),
                                           field<R>("loss_swap", &R::loss_swap),
                                           field<R>("error_mid", &R::error_mid),
                                           field<R>("error_path", &R::error_path),
                                           field<R>("error_swap", &R::error_swap),
                                           field<R>("loss_a", &R::loss_a),
                                           field<R>("loss_b", &R::loss_b),
                                           field<R>("error_a", &R::error_a),
                                           field<R>("error_b", &R::error_b),
                                           field<R>("samples", &R::samples),
                                           field<R>("loss_mid_low", &R::loss_mid_low),
                                           field<R>("loss_mid_high", &R::loss_mid_high),
                                           field<R>("loss_path_low", &R::loss_path_low),
                                           field<R>("loss_path_high", &R::loss_path_high),
                                           field<R>("loss_swap_low", &R::loss_swap_low),
                                           field<R>("loss_swap_high", &R::loss_swap_high),
                                           field<R>("error_mid_low", &R::error_mid_low),
                                           field<R>("error_mid_high", &R::error_mid_high),
                                           field<R>("error_path_low", &R::error_path_low),
                                           field<R>("error_path_high", &R::error_path_high),
                                           field<R>("error_swap_low", &R::error_swap_low),
                                           field<R>("error_swap_high", &R::error_swap_high),
                                           field<R>("loss_sup", &R::loss_sup),
                                           field<R>("alpha_sup", &R::alpha_sup),
                                           field<R>("loss_predicted", &R::loss_predicted),
                                           field<R>("layers", &R::layers)});
    return all;
  }
};

/// /barriers/NAME/skipped: pairs that were asked for and not computed.
struct SkippedRecord {
  static constexpr char const* kTable = "skipped";
  std::int64_t round = 0;
  std::int64_t a = 0;
  std::int64_t b = 0;
  FixedText<96> reason;

  static std::span<Field const> fields() {
    using R = SkippedRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("a", &R::a),
                                field<R>("b", &R::b), field<R>("reason", &R::reason)};
    return all;
  }
};

/// /barriers/NAME/geometry: distance and angle of two models, per layer and whole ("all").
struct GeometryRecord {
  static constexpr char const* kTable = "geometry";
  std::int64_t round = 0;
  FixedText<64> layer;
  std::int64_t a = 0;
  std::int64_t b = 0;  ///< client, -2 mean of the participants, -3 a's initialisation
  double distance = kAbsent;
  double cosine = kAbsent;
  double norm_a = kAbsent;
  double norm_b = kAbsent;
  double norm_ratio = kAbsent;  ///< norm_b / norm_a

  static std::span<Field const> fields() {
    using R = GeometryRecord;
    static std::array const all{field<R>("round", &R::round),
                                field<R>("layer", &R::layer),
                                field<R>("a", &R::a),
                                field<R>("b", &R::b),
                                field<R>("distance", &R::distance),
                                field<R>("cosine", &R::cosine),
                                field<R>("norm_a", &R::norm_a),
                                field<R>("norm_b", &R::norm_b),
                                field<R>("norm_ratio", &R::norm_ratio)};
    return all;
  }
};

/// /barriers/NAME/spread: singular values of the clients' differences from their mean.
struct SpreadRecord {
  static constexpr char const* kTable = "spread";
  std::int64_t round = 0;
  FixedText<64> layer;  ///< "all": the whole row
  std::int64_t index = 0;
  double singular_value = kAbsent;  ///< of [clients, elements]; descending

  static std::span<Field const> fields() {
    using R = SpreadRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("layer", &R::layer),
                                field<R>("index", &R::index),
                                field<R>("singular_value", &R::singular_value)};
    return all;
  }
};

/// /barriers/NAME/plane: one row a point of a plane through three clients.
struct PlaneRecord {
  static constexpr char const* kTable = "plane";
  std::int64_t round = 0;
  FixedText<8> split;
  FixedText<128> target;
  std::int64_t a = 0, b = 0, c = 0;
  std::int64_t rest = -1;
  double u = kAbsent, v = kAbsent;  ///< the model a + u (b - a) + v (c - a)
  double x = kAbsent, y = kAbsent;  ///< orthonormal coordinates (L2): a at 0, b on the x axis
  double loss = kAbsent;
  double error = kAbsent;

  static std::span<Field const> fields() {
    using R = PlaneRecord;
    static std::array const all{
        field<R>("round", &R::round), field<R>("split", &R::split), field<R>("target", &R::target),
        field<R>("a", &R::a),         field<R>("b", &R::b),         field<R>("c", &R::c),
        field<R>("rest", &R::rest),   field<R>("u", &R::u),         field<R>("v", &R::v),
        field<R>("x", &R::x),         field<R>("y", &R::y),         field<R>("loss", &R::loss),
        field<R>("error", &R::error)};
    return all;
  }
};

/// /barriers/NAME/permutations: how the hidden units of b were permuted to match those of a.
struct PermutationRecord {
  static constexpr char const* kTable = "permutations";
  std::int64_t round = 0;
  std::int64_t a = 0, b = 0;
  std::int64_t group = 0;  ///< of units that are permuted together
  std::int64_t place = 0;
  std::int64_t unit = 0;  ///< of b, that came to this place

  static std::span<Field const> fields() {
    using R = PermutationRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("a", &R::a),
                                field<R>("b", &R::b),         field<R>("group", &R::group),
                                field<R>("place", &R::place), field<R>("unit", &R::unit)};
    return all;
  }
};

/// /barriers/NAME/unit_axes: along which axes of which tensors the units of a group lie.
struct UnitAxisRecord {
  static constexpr char const* kTable = "unit_axes";
  std::int64_t round = 0;
  FixedText<128> tensor;
  std::int64_t axis = 0;
  std::int64_t group = 0;

  static std::span<Field const> fields() {
    using R = UnitAxisRecord;
    static std::array const all{field<R>("round", &R::round), field<R>("tensor", &R::tensor),
                                field<R>("axis", &R::axis), field<R>("group", &R::group)};
    return all;
  }
};

/// /layers: one row a layer, in the order of the row's elements.
struct LayerTableRecord {
  FixedText<64> name;
  std::int64_t offset = 0;  ///< elements
  std::int64_t size = 0;
  std::int64_t stage = 0;
  FixedText<8> type;  ///< conv, linear, norm, embed or other
  std::int64_t buffer_offset = 0;
  std::int64_t buffer_size = 0;

  static std::span<Field const> fields() {
    using R = LayerTableRecord;
    static std::array const all{field<R>("name", &R::name),
                                field<R>("offset", &R::offset),
                                field<R>("size", &R::size),
                                field<R>("stage", &R::stage),
                                field<R>("type", &R::type),
                                field<R>("buffer_offset", &R::buffer_offset),
                                field<R>("buffer_size", &R::buffer_size)};
    return all;
  }
};

/// /parameters and /buffers: one row a tensor.
struct TensorRecord {
  FixedText<128> name;
  FixedText<64> layer;
  std::int64_t offset = 0;  ///< elements
  std::int64_t size = 0;
  FixedText<48> shape;  ///< "64x3x3x3"; empty for a scalar

  static std::span<Field const> fields() {
    using R = TensorRecord;
    static std::array const all{field<R>("name", &R::name), field<R>("layer", &R::layer),
                                field<R>("offset", &R::offset), field<R>("size", &R::size),
                                field<R>("shape", &R::shape)};
    return all;
  }
};

/// /files: one row a file of the run that the index names.
struct FileRecord {
  FixedText<160> name;  ///< relative to the run directory
  std::int64_t bytes = 0;
  FixedText<16> checksum;  ///< XXH64 of the whole file, 16 hexadecimal digits; empty: not known
  std::int64_t run_modified = 0;  ///< time of last modification, ns since 1970

  static std::span<Field const> fields() {
    using R = FileRecord;
    static std::array const all{field<R>("name", &R::name), field<R>("bytes", &R::bytes),
                                field<R>("checksum", &R::checksum),
                                field<R>("run_modified", &R::run_modified)};
    return all;
  }
};

}  // namespace fedstrata
