#include "moq/conformance/moqt.h"

namespace moq::conformance::moqt {

Varint Wire::kind() const {
  if (draft_ <= 16) return Varint::quic;
  return draft_ == 17 ? Varint::vi64_no_7 : Varint::vi64;
}

Bytes Wire::message(std::uint64_t type, const Writer& body) const {
  Writer out = writer();
  out.varint(type).u16(static_cast<std::uint16_t>(body.size())).bytes(body.span());
  return out.take();
}

void Wire::write_name(Writer& out, const Name& name) const {
  out.varint(name.size());
  for (const std::string& field : name) out.text(field);
}

void Wire::write_id(Writer& out, std::uint64_t id) const {
  out.varint(id);
  if (draft_ == 17) out.varint(0);  // No request before it is required.
}

Bytes Wire::setup(const Setup& what) const {
  Writer body = writer();
  if (draft_ == 14 && !what.server) body.varint(1);
  if (draft_ == 14) body.varint(0xff000000 + 14);
  const bool limited = draft_ <= 16;
  const std::uint64_t count = (what.path.empty() ? 0 : 1) + (what.authority.empty() ? 0 : 1) +
                              (limited ? 1 : 0) + what.more_count;
  if (limited) body.varint(count);
  std::uint64_t previous = 0;
  const auto type = [&](std::uint64_t id) {
    body.varint(draft_ >= 16 ? id - previous : id);
    previous = id;
  };
  if (!what.path.empty()) {
    type(0x01);
    body.text(what.path);
  }
  if (limited) {
    type(0x02);
    body.varint(10'000);  // Requests that the endpoint may send.
  }
  if (!what.authority.empty()) {
    type(0x05);
    body.text(what.authority);
  }
  body.bytes(what.more.span());
  if (from(17)) return message(kSetup, body);
  return message(what.server ? kServerSetup : kClientSetup, body);
}

Bytes Wire::subscribe(std::uint64_t id, const Name& name, std::string_view track,
                      From where) const {
  // Up to 19 the beginning of all is as early as the current group; later that has a filter.
  const bool all = where == From::group;
  const auto filter = [all](Writer& out) {
    all ? out.varint(3).varint(0).varint(0) : out.varint(2);
  };
  Writer body = writer();
  write_id(body, id);
  write_name(body, name);
  body.text(track);
  if (draft_ == 14) {
    body.u8(128).u8(0).u8(1);
    filter(body);
    body.varint(0);
    return message(kSubscribe, body);
  }
  // FORWARD, the priority, and a filter: from the largest object on, or from 20 on the next.
  body.varint(3);
  if (draft_ == 15) {
    body.varint(0x10).varint(1).varint(0x20).varint(128).varint(0x21).varint(all ? 3 : 1);
  } else if (draft_ == 16) {
    body.varint(0x10).varint(1).varint(0x10).varint(128).varint(1).varint(all ? 3 : 1);
  } else {
    body.varint(0x10).u8(1).varint(0x10).u8(128).varint(1);
    if (draft_ <= 19) body.varint(all ? 3 : 1);
  }
  if (draft_ <= 19) {
    filter(body);
  } else if (all) {
    body.varint(1).varint(1);
  } else if (draft_ <= 21) {
    body.varint(2).varint(0).varint(0);
  } else {
    body.varint(5);
  }
  return message(kSubscribe, body);
}

Bytes Wire::subscribe_patiently(std::uint64_t id, const Name& name, std::string_view track,
                                std::uint64_t ms) const {
  Writer body = writer();
  write_id(body, id);
  write_name(body, name);
  // RENDEZVOUS_TIMEOUT and FORWARD; without a filter all is wanted.
  body.text(track).varint(2).varint(0x04).varint(ms).varint(0x0c).u8(1);
  return message(kSubscribe, body);
}

Bytes Wire::publish_namespace(std::uint64_t id, const Name& name) const {
  Writer body = writer();
  write_id(body, id);
  write_name(body, name);
  body.varint(0);
  return message(kPublishNamespace, body);
}

Bytes Wire::subscribe_namespace(std::uint64_t id, const Name& prefix) const {
  Writer body = writer();
  write_id(body, id);
  write_name(body, prefix);
  if (draft_ == 16 || draft_ == 17) body.varint(1);  // Names, not tracks.
  body.varint(0);
  return message(subscribe_namespace_type(), body);
}

Bytes Wire::subscribe_tracks(std::uint64_t id, const Name& prefix) const {
  Writer body = writer();
  write_id(body, id);
  write_name(body, prefix);
  if (!from(18)) body.varint(0);  // Tracks, not names.
  body.varint(0);
  return message(from(18) ? kSubscribeTracks : subscribe_namespace_type(), body);
}

Bytes Wire::unsubscribe(std::uint64_t id) const {
  Writer body = writer();
  body.varint(id);
  return message(kUnsubscribe, body);
}

Bytes Wire::fetch(std::uint64_t id, const Name& name, std::string_view track,
                  std::uint64_t group) const {
  Writer body = writer();
  write_id(body, id);
  if (draft_ == 14) body.u8(128).u8(1);
  if (draft_ <= 19) body.varint(1);
  write_name(body, name);
  body.text(track);
  if (draft_ <= 19) body.varint(group).varint(0).varint(group).varint(0);
  if (draft_ <= 19) {
    body.varint(0);
  } else if (draft_ <= 21) {
    body.varint(1).varint(0x21).varint(3).varint(group).varint(0).varint(0);
  } else {
    body.varint(1).varint(0x21).varint(3).varint(group).varint(0).varint(0);
  }
  return message(kFetch, body);
}

Bytes Wire::goaway() const {
  Writer body = writer();
  body.varint(0);
  if (from(17)) body.varint(0);
  if (draft_ == 18) body.varint(0);
  return message(kGoaway, body);
}

Bytes Wire::subscribe_ok(std::uint64_t id, std::uint64_t alias) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(alias);
  if (draft_ == 14) body.varint(0).u8(2).u8(0);
  body.varint(0);
  return message(kSubscribeOk, body);
}

Bytes Wire::namespace_ok(std::uint64_t id) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  if (draft_ >= 15) body.varint(0);
  return message(kRequestOk, body);
}

Bytes Wire::subscribe_namespace_ok(std::uint64_t id) const {
  if (draft_ > 14) return namespace_ok(id);
  Writer body = writer();
  body.varint(id);
  return message(0x12, body);
}

Bytes Wire::refuse_fetch(std::uint64_t id) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(3);
  if (from(16)) body.varint(0);
  body.varint(0);
  return message(draft_ == 14 ? kFetchError14 : kRequestError, body);
}

Bytes Wire::publish_ok(std::uint64_t id) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(0);
  return message(from(18) ? kRequestOk : kPublishOk, body);
}

Bytes Wire::refuse_publish(std::uint64_t id) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(0x20).varint(0).varint(0);  // UNINTERESTED, never again, and no reason.
  return message(kRequestError, body);
}

Bytes Wire::refuse_subscribe(std::uint64_t id) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(draft_ == 14 ? 4 : 0x10);
  if (from(16)) body.varint(0);
  body.varint(0);
  return message(kRequestError, body);
}

Reader Wire::after_id(const Bytes& request) const {
  Reader in = reader(request);
  in.varint();
  if (draft_ == 17) in.varint();
  return in;
}

Bytes Wire::publish_done(std::uint64_t id, std::uint64_t streams) const {
  Writer body = writer();
  if (one_control_stream()) body.varint(id);
  body.varint(2).varint(streams).varint(0);
  return message(kPublishDone, body);
}

Bytes Wire::group(std::uint64_t alias, std::uint64_t sequence,
                  const std::vector<std::string>& payloads) const {
  Writer out = writer();
  // The end of the group, subgroup 0; from 18 on also that it begins with the first object.
  out.varint(from(18) ? 0x58 : 0x18).varint(alias).varint(sequence).u8(128);
  for (const std::string& payload : payloads) {
    out.varint(0).text(payload);
    if (payload.empty()) out.varint(0);
  }
  return out.take();
}

Setup setup_of(const Script& script) {
  Setup out;
  out.server = script.end() != End::relay;
  if (!out.server && !script.bench->target.webtransport) {
    out.path = script.bench->target.path;
    out.authority = script.bench->target.authority;
  }
  return out;
}

Verdict require(const Script& script, int draft) {
  if (draft_of(script) >= draft) return {};
  return fail(kSkip, "not in this draft");
}

std::vector<std::string> sample_payloads() {
  std::vector<std::string> out;
  out.emplace_back("hello");
  out.emplace_back("");
  out.emplace_back("world!");
  return out;
}

int draft_of(const Script& script) {
  if (script.version == "moq-00") return 14;
  return (script.version[5] - '0') * 10 + (script.version[6] - '0');
}

Name name_of(std::string_view rest) {
  Name out;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    out.emplace_back(rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return out;
}

Name name_of(const Script& script, std::string_view last) {
  Name out = name_of(script.base);
  if (!last.empty()) out.emplace_back(last);
  return out;
}

}  // namespace moq::conformance::moqt
