#pragma once

#include "moq/bench/stage.h"

namespace moq::bench {

/// Runs this thread's share of the connections (every `plan.threads`th, from the `thread`th) until
/// the schedule's end, then closes them. Fails if the machine has no event loop for us, or with
/// what is wrong with the client's options. `tally` is filled meanwhile.
Result<void> run_worker(const Plan& plan, unsigned thread, Tally& tally);

}  // namespace moq::bench
