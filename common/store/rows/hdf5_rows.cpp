#include "common/store/rows/hdf5_rows.hpp"

#include <algorithm>
#include <functional>

#include "common/base/error.hpp"
#include "common/hdf5/file.hpp"

namespace fedstrata {
namespace {

constexpr char const* kClients = "clients";

class Sink : public RowFileSink {
 public:
  Sink(NewFile const& file, RowShard const& shard) : file_(hdf5::File::create(file.temporary())) {
    auto const count = std::ssize(shard.clients);
    file_.set("/", "round", shard.round);
    file_.set("/", "shard", std::int64_t{shard.shard});
    file_.set("/", "shards", std::int64_t{shard.shards});
    file_.write_integers(std::string("/") + kClients, shard.clients, {count});
    for (auto const& field : shard.fields) {
      file_.make_rows("/" + field.name, field.of_clients ? count : -1, field.width);
    }
  }
  void write(RowField const& field, std::int64_t row, std::span<float const> values) override {
    file_.write_row("/" + field.name, row, values);
  }
  void close() override { file_.close(); }

 private:
  hdf5::File file_;
};

class Format : public RowFormat {
 public:
  char const* extension() const override { return ".h5"; }

  std::unique_ptr<RowFileSink> create(NewFile const& file, RowShard const& shard) const override {
    return std::make_unique<Sink>(file, shard);
  }

  RowShard shard(std::filesystem::path const& path) const override {
    auto const file = hdf5::File::open(path);
    RowShard shard;
    shard.round = file.integer("/", "round");
    shard.shard = static_cast<int>(file.integer("/", "shard"));
    shard.shards = static_cast<int>(file.integer("/", "shards"));
    shard.clients = file.read_integers(std::string("/") + kClients);
    auto const& ids = shard.clients;
    require((ids.empty() || ids.front() >= 0) &&
                std::ranges::adjacent_find(ids, std::greater_equal{}) == ids.end(),
            "/clients are not ids in ascending order");
    for (auto const& name : file.float_datasets("/")) {
      auto const shape = file.shape("/" + name);
      if (shape.empty() || shape.size() > 2) continue;
      require(shape.size() == 1 || shape[0] == std::ssize(ids),
              "dataset /" + name + " has not one row for each client");
      shard.fields.push_back({name, shape.back(), shape.size() == 2});
    }
    return shard;
  }

  void read(std::filesystem::path const& path, RowShard const&, RowField const& field,
            std::int64_t row, std::span<float> values) const override {
    reading(path, [&] { hdf5::File::open(path).read_row("/" + field.name, row, values); });
  }
};

}  // namespace

RowFormat const& hdf5_rows() {
  static Format const format;
  return format;
}

}  // namespace fedstrata
