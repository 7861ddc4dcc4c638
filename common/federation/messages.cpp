#include "common/federation/messages.hpp"

#include <cstring>

#include "common/base/error.hpp"

namespace fedstrata {

Message::Message() : bytes_(sizeof(std::int64_t)) { append({}); }

void Message::append(std::span<std::byte const> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  auto const length = static_cast<std::int64_t>(bytes_.size());
  std::memcpy(bytes_.data(), &length, sizeof(length));
}

void Message::extract(std::span<std::byte> bytes) {
  require(position_ + bytes.size() <= bytes_.size(), "a message ended early");
  if (!bytes.empty()) std::memcpy(bytes.data(), bytes_.data() + position_, bytes.size());
  position_ += bytes.size();
}

Message receive(mpi::Comm const& comm, mpi::Envelope const& envelope) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(envelope.bytes));
  comm.receive(bytes, envelope.from, envelope.tag);
  std::int64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (static_cast<std::size_t>(length) > bytes.size()) {
    auto const first = bytes.size();
    bytes.resize(static_cast<std::size_t>(length));
    comm.receive(std::span(bytes).subspan(first), envelope.from, envelope.tag);
  }
  return Message(std::move(bytes));
}

void Outbox::trim(std::size_t limit) {
  std::erase_if(items_, [](auto const& item) { return item->request.test(); });
  while (items_.size() > limit) {
    items_.front()->request.wait();
    items_.erase(items_.begin());
  }
}

void Outbox::send(Message message, int to, Tag tag) {
  trim(limit_ - 1);
  auto item = std::make_unique<Item>();
  item->message = std::move(message);
  item->request = comm_->isend(item->message.bytes(), to, number(tag));
  items_.push_back(std::move(item));
}

void Outbox::flush() { trim(0); }

}  // namespace fedstrata
