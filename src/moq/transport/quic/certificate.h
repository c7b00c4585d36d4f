#pragma once

#include "moq/transport/tls/certificate.h"

/// What QUIC's endpoints show and check, under the names by which their users know it.
namespace moq::transport::quic {

using tls::Fingerprint;
using tls::GenerateOptions;
using tls::Identity;
using tls::kMaxGeneratedValidity;
using tls::parse_fingerprint;
using tls::ResetKey;
using tls::to_hex;
using tls::WallTime;

}  // namespace moq::transport::quic
