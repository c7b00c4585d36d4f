#pragma once

#include "moq/transport/quic/certificate.h"
#include "moq/transport/tls/credentials.h"

namespace moq::transport::quic {

using tls::ClientAuth;
using tls::ClientTls;
using tls::ClientTlsOptions;
using tls::PeerIdentity;
using tls::ServerTls;
using tls::ServerTlsOptions;

}  // namespace moq::transport::quic
