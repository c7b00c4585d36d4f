#pragma once

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/transport/tls/certificate.h"

/// Owning pointers and conversions for GnuTLS, whose objects are C handles.
namespace moq::transport::tls::internal {

template <auto function>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    function(object);
  }
};

template <typename Handle, auto function>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Deleter<function>>;

using Certificate = Owned<gnutls_x509_crt_t, gnutls_x509_crt_deinit>;
using PrivateKey = Owned<gnutls_x509_privkey_t, gnutls_x509_privkey_deinit>;
using Credentials = Owned<gnutls_certificate_credentials_t, gnutls_certificate_free_credentials>;
using Priorities = Owned<gnutls_priority_t, gnutls_priority_deinit>;
using GnutlsSession = Owned<gnutls_session_t, gnutls_deinit>;

/// What the library allocated for us to free.
struct Datum : gnutls_datum_t {
  Datum() : gnutls_datum_t{nullptr, 0} {}
  Datum(const Datum&) = delete;
  Datum& operator=(const Datum&) = delete;
  ~Datum() { gnutls_free(data); }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(data), size};
  }
};

/// `bytes` as an argument of the library, which only reads it.
inline gnutls_datum_t borrow(ByteSpan bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}
inline gnutls_datum_t borrow(std::string_view text) { return borrow(as_bytes(text)); }

/// `what: the library's words`, as `bad_config`.
inline std::unexpected<Error> config_error(std::string_view what, int error) {
  std::string words = gnutls_strerror(error);
  if (words.ends_with('.')) words.pop_back();
  return fail(Code::bad_config, std::string(what) + ": " + words);
}

/// The four or sixteen bytes of an IP literal (brackets allowed); empty if `name` is none.
std::string ip_literal(std::string_view name);

Certificate new_certificate();
Fingerprint fingerprint_of(ByteSpan der);
/// Subject, names and fingerprint of a DER certificate, for logs and identities.
std::string subject_of(gnutls_x509_crt_t certificate);
std::vector<std::string> names_of(gnutls_x509_crt_t certificate);

}  // namespace moq::transport::tls::internal

namespace moq::transport::tls {

struct Identity::State {
  std::vector<internal::Certificate> chain;  ///< Leaf first.
  internal::PrivateKey key;
  Fingerprint fingerprint{};
};

}  // namespace moq::transport::tls
