#include "moq/net/internal/send_order.h"

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moq::net {
namespace {

/// Ranks that have a priority of their own; what comes after them shares 0.
constexpr std::size_t kRanks = 255;

/// One stream in the list.
struct Node {
  transport::SendStream* stream;
  transport::Priority priority = 0;  ///< As the stream was told.
  std::uint64_t round = 0;           ///< Of the last ranking that gave it one of `kRanks`.
};

struct SubscriptionKey {
  std::uint8_t priority = 0;
  std::uint64_t id = 0;
  bool operator<(const SubscriptionKey& other) const {
    return priority != other.priority ? priority > other.priority : id < other.id;
  }
};

/// The streams of one subscription, newest group first.
using Groups = std::multimap<std::uint64_t, Node*, std::greater<>>;

}  // namespace

struct SendOrder::List {
  std::map<SubscriptionKey, Groups> subscriptions;
  std::unordered_map<std::uint64_t, std::uint8_t> priorities;  ///< Of those with streams, by id.
  std::vector<Node*> ranked;                                   ///< The first `kRanks` of the list.
  std::size_t size = 0;
  std::uint64_t round = 0;

  static void tell(Node& node, transport::Priority priority) {
    if (std::exchange(node.priority, priority) != priority) node.stream->set_priority(priority);
  }
  /// Tells each stream whose rank changed; at most two times `kRanks`.
  void rank();
  void remove(std::uint64_t subscribe_id, std::uint64_t group, Node* node);
};

struct SendOrder::Place::State {
  std::shared_ptr<List> list;
  std::uint64_t subscribe_id;
  std::uint64_t group;
  Node node;
};

void SendOrder::List::rank() {
  round += 1;
  std::vector<Node*> before = std::exchange(ranked, {});
  ranked.reserve(std::min(size, kRanks));
  for (auto& [key, groups] : subscriptions) {
    for (auto& [group, node] : groups) {
      if (ranked.size() == kRanks) break;
      node->round = round;
      tell(*node, static_cast<transport::Priority>(kRanks - ranked.size()));
      ranked.push_back(node);
    }
    if (ranked.size() == kRanks) break;
  }
  for (Node* node : before) {
    if (node->round != round) tell(*node, 0);
  }
}

void SendOrder::List::remove(std::uint64_t subscribe_id, std::uint64_t group, Node* node) {
  const auto priority = priorities.find(subscribe_id);
  const auto found = subscriptions.find({.priority = priority->second, .id = subscribe_id});
  Groups& groups = found->second;
  const auto [first, last] = groups.equal_range(group);
  groups.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == node; }));
  if (groups.empty()) {
    subscriptions.erase(found);
    priorities.erase(priority);
  }
  size -= 1;
  // Past the ranks nothing moves up.
  if (node->priority == 0) return;
  std::erase(ranked, node);
  rank();
}

SendOrder::Place::Place() = default;
SendOrder::Place::Place(Place&& other) noexcept = default;
SendOrder::Place::Place(std::unique_ptr<State> state) : state_(std::move(state)) {}

SendOrder::Place& SendOrder::Place::operator=(Place&& other) noexcept {
  if (this != &other) {
    leave();
    state_ = std::move(other.state_);
  }
  return *this;
}

SendOrder::Place::~Place() { leave(); }

void SendOrder::Place::leave() {
  if (state_) state_->list->remove(state_->subscribe_id, state_->group, &state_->node);
  state_.reset();
}

SendOrder::SendOrder() : list_(std::make_shared<List>()) {}

SendOrder::Place SendOrder::insert(const Key& key, transport::SendStream& stream) {
  auto state = std::make_unique<Place::State>();
  state->list = list_;
  state->subscribe_id = key.subscribe_id;
  state->group = key.group;
  state->node.stream = &stream;
  stream.set_priority(0);
  const auto [known, added] = list_->priorities.emplace(key.subscribe_id, key.priority);
  list_->subscriptions[{.priority = known->second, .id = key.subscribe_id}].emplace(key.group,
                                                                                    &state->node);
  list_->size += 1;
  list_->rank();
  return Place(std::move(state));
}

void SendOrder::set_priority(std::uint64_t subscribe_id, std::uint8_t priority) {
  const auto known = list_->priorities.find(subscribe_id);
  if (known == list_->priorities.end() || known->second == priority) return;
  auto node = list_->subscriptions.extract({.priority = known->second, .id = subscribe_id});
  node.key().priority = priority;
  known->second = priority;
  list_->subscriptions.insert(std::move(node));
  list_->rank();
}

std::size_t SendOrder::size() const { return list_->size; }

}  // namespace moq::net
