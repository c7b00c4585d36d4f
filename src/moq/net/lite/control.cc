#include "moq/net/lite/control.h"

#include <algorithm>
#include <utility>

#include "moq/net/lite/message.h"

namespace moq::net::lite {

Result<Probe, DecodeError> Probe::decode(Reader& in, Version version) {
  Probe probe;
  if (const std::uint64_t bitrate = in.varint(); bitrate > 0) probe.bitrate_bps = bitrate;
  if (has_probe_rtt(version)) {
    if (const Duration rtt = read_ms(in); rtt > Duration::zero()) probe.rtt = rtt;
  }
  return in.finish(probe);
}

void Probe::encode(Writer& out, Version version) const {
  out.varint(bitrate_bps ? std::clamp<std::uint64_t>(*bitrate_bps, 1, kMaxVarint) : 0);
  if (!has_probe_rtt(version)) return;
  write_ms(out, rtt ? std::max<Duration>(*rtt, std::chrono::milliseconds(1)) : Duration::zero());
}

Result<Goaway, DecodeError> Goaway::decode(Reader& in, Version) {
  Goaway goaway{.uri = std::string(in.text(kMaxGoawayUriBytes))};
  return in.finish(std::move(goaway));
}

void Goaway::encode(Writer& out, Version) const { out.text(uri); }

}  // namespace moq::net::lite
