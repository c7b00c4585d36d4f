#include "moq/bench/tally.h"

namespace moq::bench {

void Totals::add(const Totals& other) {
  connected += other.connected;
  failed += other.failed;
  lost += other.lost;
  frames += other.frames;
  bytes += other.bytes;
  corrupt_frames += other.corrupt_frames;
  groups += other.groups;
  broken_groups += other.broken_groups;
  lost_groups += other.lost_groups;
  latency.add(other.latency);
  join.add(other.join);
  settle.add(other.settle);
  lateness.add(other.lateness);
}

}  // namespace moq::bench
