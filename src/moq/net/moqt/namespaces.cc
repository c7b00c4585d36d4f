#include "moq/net/moqt/namespaces.h"

#include <utility>

#include "moq/net/moqt/fields.h"
#include "moq/net/moqt/limits.h"

namespace moq::net::moqt {

Result<PublishNamespace, DecodeError> PublishNamespace::decode(Reader& in, Draft draft) {
  PublishNamespace publish{
      .request_id = read_request_id(in, draft),
      .track_namespace = read_namespace(in, draft),
      .parameters = Parameters::read(in, draft, ParameterPlace::publish_namespace)};
  return in.finish(std::move(publish));
}

void PublishNamespace::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_namespace(out, track_namespace);
  parameters.write(out, draft, ParameterPlace::publish_namespace);
}

Result<PublishNamespaceDone, DecodeError> PublishNamespaceDone::decode(Reader& in, Draft draft) {
  PublishNamespaceDone done;
  if (ends_namespaces_by_name(draft)) {
    done.track_namespace = read_namespace(in, draft);
  } else {
    done.request_id = in.varint();
  }
  return in.finish(std::move(done));
}

void PublishNamespaceDone::encode(Writer& out, Draft draft) const {
  if (ends_namespaces_by_name(draft)) {
    write_namespace(out, track_namespace);
  } else {
    out.varint(request_id);
  }
}

Result<PublishNamespaceCancel, DecodeError> PublishNamespaceCancel::decode(Reader& in,
                                                                           Draft draft) {
  PublishNamespaceCancel cancel;
  if (ends_namespaces_by_name(draft)) {
    cancel.track_namespace = read_namespace(in, draft);
  } else {
    cancel.request_id = in.varint();
  }
  cancel.code = request_code_from_wire(in.varint(), RequestKind::publish_namespace, draft);
  cancel.reason = read_reason(in);
  return in.finish(std::move(cancel));
}

void PublishNamespaceCancel::encode(Writer& out, Draft draft) const {
  if (ends_namespaces_by_name(draft)) {
    write_namespace(out, track_namespace);
  } else {
    out.varint(request_id);
  }
  out.varint(request_code_to_wire(code, RequestKind::publish_namespace, draft));
  write_reason(out, reason);
}

Result<SubscribeNamespace, DecodeError> SubscribeNamespace::decode(Reader& in, Draft draft) {
  SubscribeNamespace subscribe{.request_id = read_request_id(in, draft),
                               .prefix = read_namespace(in, draft)};
  if (has_namespace_options(draft)) {
    const std::uint64_t wants = in.varint();
    if (wants > std::to_underlying(Wants::both)) in.fail(DecodeError::unknown);
    subscribe.wants = static_cast<Wants>(wants);
  }
  subscribe.parameters = Parameters::read(in, draft, ParameterPlace::subscribe_namespace);
  return in.finish(std::move(subscribe));
}

void SubscribeNamespace::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_namespace(out, prefix);
  if (has_namespace_options(draft)) out.varint(std::to_underlying(wants));
  parameters.write(out, draft, ParameterPlace::subscribe_namespace);
}

Result<UnsubscribeNamespace, DecodeError> UnsubscribeNamespace::decode(Reader& in, Draft draft) {
  UnsubscribeNamespace unsubscribe;
  if (unsubscribes_namespaces_by_name(draft)) {
    unsubscribe.prefix = read_namespace(in, draft);
  } else {
    unsubscribe.request_id = in.varint();
  }
  return in.finish(std::move(unsubscribe));
}

void UnsubscribeNamespace::encode(Writer& out, Draft draft) const {
  if (unsubscribes_namespaces_by_name(draft)) {
    write_namespace(out, prefix);
  } else {
    out.varint(request_id);
  }
}

Result<SubscribeTracks, DecodeError> SubscribeTracks::decode(Reader& in, Draft draft) {
  SubscribeTracks subscribe{
      .request_id = read_request_id(in, draft),
      .prefix = read_namespace(in, draft),
      .parameters = Parameters::read(in, draft, ParameterPlace::subscribe_tracks)};
  return in.finish(std::move(subscribe));
}

void SubscribeTracks::encode(Writer& out, Draft draft) const {
  write_request_id(out, request_id, draft);
  write_namespace(out, prefix);
  parameters.write(out, draft, ParameterPlace::subscribe_tracks);
}

Result<Namespace, DecodeError> Namespace::decode(Reader& in, Draft draft) {
  return in.finish(Namespace{.suffix = read_namespace(in, draft)});
}

void Namespace::encode(Writer& out, Draft) const { write_namespace(out, suffix); }

Result<NamespaceDone, DecodeError> NamespaceDone::decode(Reader& in, Draft draft) {
  return in.finish(NamespaceDone{.suffix = read_namespace(in, draft)});
}

void NamespaceDone::encode(Writer& out, Draft) const { write_namespace(out, suffix); }

Result<PublishBlocked, DecodeError> PublishBlocked::decode(Reader& in, Draft draft) {
  return in.finish(PublishBlocked{.suffix = read_full_name(in, draft)});
}

void PublishBlocked::encode(Writer& out, Draft) const { write_full_name(out, suffix); }

}  // namespace moq::net::moqt
