// The vectors of moq-transport.md §15 for streams of objects and datagrams, and what is refused.
#include "moq/net/moqt/data.h"

#include <gtest/gtest.h>

#include "moq/base/random.h"
#include "moq/net/limits.h"
#include "moq/net/moqt/limits.h"
#include "moq/net/moqt/test_support.h"

namespace moq::net::moqt {
namespace {

/// An object with its payload.
struct Whole {
  Object object;
  std::string payload;
  bool operator==(const Whole&) const = default;
};

/// What a stream of objects says.
struct Stream {
  std::optional<SubgroupHeader> subgroup;
  std::optional<FetchHeader> fetch;
  std::vector<Whole> objects;
  bool operator==(const Stream&) const = default;
};

Whole with_payload(Object object, std::string payload) {
  object.payload_bytes = payload.size();
  return {.object = object, .payload = std::move(payload)};
}

template <typename Write>
void write_objects(Writer& out, const std::vector<Whole>& objects, Write write) {
  for (const Whole& whole : objects) {
    const auto head = write(whole.object);
    ASSERT_TRUE(head.has_value()) << head.error().describe();
    out.bytes(*head).bytes(as_bytes(whole.payload));
  }
}

std::string written(const Stream& stream, Draft draft, GroupOrder order = GroupOrder::ascending) {
  Writer out = writer_of(draft);
  if (stream.subgroup) {
    stream.subgroup->write(out, draft);
    SubgroupObjectWriter writer(*stream.subgroup, draft);
    write_objects(out, stream.objects, [&](const Object& object) { return writer.write(object); });
  } else {
    stream.fetch->write(out);
    FetchObjectWriter writer(order, draft);
    write_objects(out, stream.objects, [&](const Object& object) { return writer.write(object); });
  }
  return hex_of(out.span());
}

Result<Stream> read_stream(StreamReader& reader, GroupOrder order) {
  Stream stream;
  MOQ_TRY(const auto type,
          wait_for([&](const Waiter& waiter) { return reader.poll_varint(waiter); }));
  if (!type) return stream;
  switch (stream_kind(*type, reader.draft())) {
    case StreamKind::subgroup: {
      MOQ_TRY(const auto header, wait_for([&](const Waiter& waiter) {
                return reader.poll_subgroup_header(waiter, *type);
              }));
      stream.subgroup = header;
      break;
    }
    case StreamKind::fetch: {
      MOQ_TRY(const auto header,
              wait_for([&](const Waiter& waiter) { return reader.poll_fetch_header(waiter); }));
      stream.fetch = header;
      reader.begin_fetch(order);
      break;
    }
    default:
      return fail(Code::protocol_violation, "type of a stream");
  }
  for (;;) {
    MOQ_TRY(const auto object,
            wait_for([&](const Waiter& waiter) { return reader.poll_object(waiter); }));
    if (!object) return stream;
    stream.objects.push_back({.object = *object});
    for (;;) {
      MOQ_TRY(const Bytes part,
              wait_for([&](const Waiter& waiter) { return reader.poll_payload(waiter); }));
      if (part.empty()) break;
      stream.objects.back().payload += part.text();
    }
  }
}

Result<Stream> read_hex(std::string_view hex, Draft draft, GroupOrder order = GroupOrder::ascending,
                        std::size_t chunk = 1) {
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  StreamReader reader(FakeRecvStream::chunked(bytes, chunk), draft);
  return read_stream(reader, order);
}

/// What is wrong with a stream, or "" if nothing.
std::string failure_of(std::string_view hex, Draft draft,
                       GroupOrder order = GroupOrder::ascending) {
  const auto stream = read_hex(hex, draft, order, 7);
  if (stream) return "";
  if (stream.error().code != Code::decode) return std::string(to_string(stream.error().code));
  const std::string& text = stream.error().text;
  return text.substr(text.find(": ") + 2);
}

/// Written and read alike, in every chunking; a FIN inside an object is an error.
void expect_stream(std::string_view hex, const Stream& stream, Draft draft,
                   GroupOrder order = GroupOrder::ascending) {
  SCOPED_TRACE(to_string(draft) + ": " + std::string(hex));
  EXPECT_EQ(written(stream, draft, order), hex);
  const std::size_t size = hex.size() / 2;
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{5}, size}) {
    const auto read = read_hex(hex, draft, order, chunk);
    ASSERT_TRUE(read.has_value()) << read.error().describe();
    EXPECT_TRUE(*read == stream);
  }
  for (std::size_t cut = 0; cut < size; ++cut) {
    const auto read = read_hex(hex.substr(0, 2 * cut), draft, order);
    if (read) {
      // It ends between objects.
      EXPECT_LT(read->objects.size() + cut, stream.objects.size() + size);
      continue;
    }
    EXPECT_TRUE(read.error().code == Code::decode || read.error().code == Code::wrong_size);
  }
}

// --- Vectors ------------------------------------------------------------------------------------

const ObjectProperties kFirstTime{.timestamp = 1000000};
const ObjectProperties kSecondTime{.timestamp = 1033333};

/// Two frames of group 300, as a subgroup.
Stream hello_world(bool first_object) {
  return {.subgroup = SubgroupHeader{.track_alias = 1,
                                     .group = 300,
                                     .priority = 128,
                                     .has_properties = true,
                                     .end_of_group = true,
                                     .first_object = first_object},
          .objects = {
              with_payload({.group = 300, .priority = 128, .properties = kFirstTime}, "hello"),
              with_payload({.group = 300, .object = 1, .priority = 128, .properties = kSecondTime},
                           "world!")}};
}

/// An explicit subgroup, and the end of a group.
Stream second_subgroup() {
  return {.subgroup = SubgroupHeader{.track_alias = 1, .group = 5, .subgroup = 2, .priority = 200},
          .objects = {with_payload({.group = 5, .object = 2, .subgroup = 2, .priority = 200}, "a"),
                      {.object = {.group = 5,
                                  .object = 4,
                                  .subgroup = 2,
                                  .priority = 200,
                                  .status = ObjectStatus::end_of_group}}}};
}

Stream default_priority(bool first_object) {
  return {.subgroup = SubgroupHeader{.track_alias = 1, .group = 6, .first_object = first_object},
          .objects = {with_payload({.group = 6}, "x"), {.object = {.group = 6, .object = 1}}}};
}

Stream end_of_track(bool first_object) {
  return {.subgroup = SubgroupHeader{.track_alias = 1,
                                     .group = 301,
                                     .priority = 128,
                                     .end_of_group = true,
                                     .first_object = first_object},
          .objects = {
              {.object = {.group = 301, .priority = 128, .status = ObjectStatus::end_of_track}}}};
}

TEST(SubgroupStream, VectorsUpTo16) {
  for (const Draft draft : drafts(14, 16)) {
    expect_stream("1901412c80000510800f42400568656c6c6f000510800fc47506776f726c6421",
                  hello_world(false), draft);
    expect_stream("14010502c8020161010003", second_subgroup(), draft);
    expect_stream("1801412d80000004", end_of_track(false), draft);
    if (has_default_priority(draft)) {
      expect_stream("300106000178000000", default_priority(false), draft);
    }
  }
}

TEST(SubgroupStream, VectorsFrom18) {
  for (const Draft draft : drafts(18, 22)) {
    expect_stream("5901812c80000410cf42400568656c6c6f000410cfc47506776f726c6421", hello_world(true),
                  draft);
    expect_stream("14010502c8020161010003", second_subgroup(), draft);
    expect_stream("700106000178000000", default_priority(true), draft);
    expect_stream("5801812d80000004", end_of_track(true), draft);
  }
  expect_stream("1901812c80000410cf42400568656c6c6f000410cfc47506776f726c6421", hello_world(false),
                Draft::d17);
}

TEST(FetchStream, Vectors) {
  const Object first{.group = 2, .priority = 128, .properties = kFirstTime};
  Stream stream{.fetch = FetchHeader{.request_id = 10},
                .objects = {with_payload(first, "hello"),
                            with_payload({.group = 2, .object = 1, .priority = 128}, "hi")}};
  expect_stream("050a020000800510800f42400568656c6c6f0200018000026869", stream, Draft::d14);

  stream.objects.push_back(with_payload({.group = 3, .priority = 128}, "z"));
  for (const Draft draft : drafts(15, 16)) {
    expect_stream("050a3c0200800510800f42400568656c6c6f000268690c0300017a", stream, draft);
  }
  expect_stream("050a3c0200800410cf42400568656c6c6f000268690c0300017a", stream, Draft::d17);
  for (const Draft draft : drafts(18, 22)) {
    expect_stream("050a3c0200800410cf42400568656c6c6f000268690c0000017a", stream, draft);
  }
}

void expect_datagram(std::string_view hex, const Datagram& datagram, Draft draft) {
  SCOPED_TRACE(to_string(draft) + ": " + std::string(hex));
  const auto bytes = datagram.encode(draft);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(hex_of(*bytes), hex);
  const auto read = Datagram::decode(Bytes::copy(from_hex(hex)), draft);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(*read == datagram);
  // Without any byte of its head it is none; what is cut off the payload is not missed.
  const std::size_t head = bytes->size() - datagram.payload.size();
  for (std::size_t cut = 0; cut < bytes->size(); ++cut) {
    EXPECT_EQ(Datagram::decode(bytes->slice(0, cut), draft).has_value(), cut >= head);
  }
}

TEST(Datagram, Vectors) {
  const Datagram group{.track_alias = 1,
                       .group = 300,
                       .priority = 128,
                       .end_of_group = true,
                       .properties = kFirstTime,
                       .payload = Bytes::copy("hello")};
  const Datagram plain{
      .track_alias = 1, .group = 300, .object = 4, .priority = 128, .payload = Bytes::copy("hi")};
  const Datagram status{.track_alias = 1,
                        .group = 300,
                        .object = 5,
                        .priority = 128,
                        .status = ObjectStatus::end_of_track};
  for (const Draft draft : drafts(14, 16)) {
    expect_datagram("0701412c800510800f424068656c6c6f", group, draft);
    expect_datagram("0001412c04806869", plain, draft);
    expect_datagram("2001412c058004", status, draft);
  }
  for (const Draft draft : drafts(17, 22)) {
    expect_datagram("0701812c800410cf424068656c6c6f", group, draft);
    expect_datagram("0001812c04806869", plain, draft);
    expect_datagram("2001812c058004", status, draft);
  }
}

TEST(ObjectProperties, VectorOfTwo) {
  const ObjectProperties two{.timestamp = 7, .prior_object_gap = 2};
  for (const Draft draft : kDrafts) {
    Writer out = writer_of(draft);
    two.write(out, draft);
    EXPECT_EQ(hex_of(out.span()), draft <= Draft::d15 ? "10073e02" : "10072e02");
    EXPECT_EQ(ObjectProperties::decode(out.span(), draft), two);
  }
}

TEST(Datagram, PaddingIsPassedOverFrom18) {
  const Bytes padding = Bytes::copy(from_hex("f0132b3e2900000000"));
  EXPECT_EQ(Datagram::decode(padding, Draft::d17).error(), DecodeError::unknown);
  for (const Draft draft : drafts(18, 22)) {
    const auto read = Datagram::decode(padding, draft);
    ASSERT_TRUE(read.has_value());
    EXPECT_FALSE(read->has_value());
  }
}

TEST(PaddingStream, IsDiscarded) {
  const std::vector<std::uint8_t> bytes = from_hex("f0132b3e2800000000");
  StreamReader reader(FakeRecvStream::chunked(bytes, 3), Draft::d18);
  const auto type = wait_for([&](const Waiter& waiter) { return reader.poll_varint(waiter); });
  EXPECT_EQ(stream_kind(**type, Draft::d18), StreamKind::padding);
  EXPECT_TRUE(wait_for([&](const Waiter& waiter) { return reader.poll_discard(waiter); }));
}

// --- Types --------------------------------------------------------------------------------------

TEST(StreamKind, TypesOfEachDraft) {
  for (const Draft draft : kDrafts) {
    for (std::uint64_t type = 0; type < 0x100; ++type) {
      const std::uint64_t low = type & 0x0f;
      const bool mode = (low & 6) != 6;
      bool subgroup = mode && (type & 0xf0) == 0x10;
      if (draft >= Draft::d15) subgroup = subgroup || (mode && (type & 0xf0) == 0x30);
      if (draft >= Draft::d18) subgroup = mode && (type & 0x90) == 0x10;
      const StreamKind expected = type == 5  ? StreamKind::fetch
                                  : subgroup ? StreamKind::subgroup
                                             : StreamKind::unknown;
      EXPECT_EQ(stream_kind(type, draft), expected) << type << " in " << to_string(draft);
    }
    const bool has_setup = draft >= Draft::d17;
    EXPECT_EQ(stream_kind(0x2f00, draft), has_setup ? StreamKind::control : StreamKind::unknown);
    const bool padded = draft >= Draft::d18;
    EXPECT_EQ(stream_kind(0x132b3e28, draft), padded ? StreamKind::padding : StreamKind::unknown);
  }
}

TEST(Datagram, TypesOfEachDraft) {
  for (const Draft draft : kDrafts) {
    for (std::uint64_t type = 0; type < 0x40; ++type) {
      const Bytes bytes = body_of(draft, [&](Writer& out) {
        out.varint(type).varint(1).varint(2);
        if ((type & 4) == 0) out.varint(3);
        if ((type & 8) == 0) out.u8(128);
        // A timestamp, then a status, which may be normal, or a payload.
        if ((type & 1) != 0) out.varint(2).varint(0x10).varint(1);
        out.varint(0);
      });
      bool valid = type < 8 || type == 0x20 || type == 0x21;
      if (draft >= Draft::d15) valid = (type & 0x10) == 0 && (type & 0x22) != 0x22;
      EXPECT_EQ(Datagram::decode(bytes, draft).has_value(), valid)
          << type << " in " << to_string(draft);
    }
  }
}

// --- What is refused ----------------------------------------------------------------------------

TEST(SubgroupStream, StatusesOfEachDraft) {
  for (const Draft draft : kDrafts) {
    // Group 1, priority 128, object 0, no payload.
    EXPECT_EQ(failure_of("10010180000000", draft), "");
    EXPECT_EQ(failure_of("10010180000001", draft), draft <= Draft::d15 ? "" : "an unknown type");
    EXPECT_EQ(failure_of("10010180000002", draft), "an unknown type");
    EXPECT_EQ(failure_of("10010180000003", draft), "");
    EXPECT_EQ(failure_of("10010180000004", draft), "");
    EXPECT_EQ(failure_of("10010180000005", draft), "an unknown type");
    // With a timestamp only a normal one.
    EXPECT_EQ(failure_of("110101800002100100"
                         "00",
                         draft),
              "");
    EXPECT_EQ(failure_of("110101800002100100"
                         "03",
                         draft),
              "a value is out of range");
  }
}

TEST(SubgroupStream, TheSubgroupMayBeTheFirstObject) {
  const auto stream = read_hex(
      "1201018007016100"
      "0162",
      Draft::d18);
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(stream->subgroup->subgroup, std::nullopt);
  ASSERT_EQ(stream->objects.size(), 2U);
  EXPECT_EQ(stream->objects[0].object.subgroup, 7U);
  EXPECT_EQ(stream->objects[1].object.object, 8U);
  EXPECT_EQ(stream->objects[1].object.subgroup, 7U);
}

TEST(SubgroupStream, IdsEndAtTheLargestNumber) {
  const std::string most = "ffffffffffffffffff";
  EXPECT_EQ(failure_of("10010180" + most + "0161", Draft::d18), "");
  EXPECT_EQ(failure_of("10010180" + most +
                           "0161"
                           "000162",
                       Draft::d18),
            "a value is out of range");
  EXPECT_EQ(failure_of("10010180"
                       "000161" +
                           most + "0162",
                       Draft::d18),
            "a value is out of range");
}

TEST(SubgroupStream, PropertiesAreLimited) {
  const auto stream_of = [](std::uint64_t size) {
    Writer out = writer_of(Draft::d18);
    SubgroupHeader{.has_properties = true}.write(out, Draft::d18);
    // One unknown property, of as many bytes as a value may have.
    Writer properties = writer_of(Draft::d18);
    properties.varint(0x79).prefixed(std::vector<std::uint8_t>(size));
    out.varint(0).prefixed(properties.span()).varint(1).u8('a');
    return hex_of(out.span());
  };
  EXPECT_EQ(failure_of(stream_of(kMaxValueBytes - 4), Draft::d18), "");
  EXPECT_EQ(failure_of(stream_of(kMaxPropertyBytes - 1), Draft::d18),
            "a length is above its limit");
}

TEST(SubgroupStream, PropertiesThatDoNotDecodeAreNotWaitedFor) {
  // A property whose bytes would go beyond the list; the stream stays open.
  const std::vector<std::uint8_t> bytes = from_hex(
      "1101018000"
      "0339ff00");
  StreamReader reader(FakeRecvStream::chunked(bytes, 4, FakeRecvStream::End::open), Draft::d16);
  (void)wait_for([&](const Waiter& waiter) { return reader.poll_varint(waiter); });
  (void)wait_for([&](const Waiter& waiter) { return reader.poll_subgroup_header(waiter, 0x11); });
  const auto object = wait_for([&](const Waiter& waiter) { return reader.poll_object(waiter); });
  ASSERT_FALSE(object.has_value());
  EXPECT_EQ(object.error().code, Code::decode);
}

TEST(SubgroupStream, FramesAreLimited) {
  const auto stream_of = [](std::uint64_t size) {
    Writer out = writer_of(Draft::d18);
    SubgroupHeader{}.write(out, Draft::d18);
    out.varint(0).varint(size);
    return hex_of(out.span());
  };
  EXPECT_EQ(failure_of(stream_of(kMaxFrameBytes), Draft::d18),
            std::string(to_string(Code::wrong_size)));
  EXPECT_EQ(failure_of(stream_of(kMaxFrameBytes + 1), Draft::d18),
            std::string(to_string(Code::frame_too_large)));
}

TEST(FetchStream, TheFirstObjectMustSayWhereItIs) {
  for (const Draft draft : drafts(15, 22)) {
    EXPECT_EQ(failure_of("05001c0100800161", draft), "");
    EXPECT_EQ(failure_of("0500140080"
                         "0161",
                         draft),
              "a value is out of range")
        << to_string(draft);
    EXPECT_EQ(failure_of("0500180180"
                         "0161",
                         draft),
              "a value is out of range");
    EXPECT_EQ(failure_of("05000c0100"
                         "0161",
                         draft),
              "a value is out of range");
    // As the subgroup before, and the one after that.
    EXPECT_EQ(failure_of("05001d0100800161", draft), "a value is out of range");
    EXPECT_EQ(failure_of("05001e0100800161", draft), "a value is out of range");
  }
}

TEST(FetchStream, FlagsOfEachDraft) {
  for (const Draft draft : drafts(15, 22)) {
    Writer out = writer_of(draft);
    const auto failure = [&](std::uint64_t flags) {
      Writer stream = writer_of(draft);
      stream.varint(5).varint(0);
      if (draft == Draft::d15) {
        stream.u8(static_cast<std::uint8_t>(flags));
      } else {
        stream.varint(flags);
      }
      stream.varint(1).varint(0);
      // A range ends here; an object has a priority and a payload.
      if (flags < 0x80) stream.u8(128).varint(1).u8('a');
      return failure_of(hex_of(stream.span()), draft);
    };
    const auto known_from = [&](int first) {
      return std::to_underlying(draft) >= first ? "" : "an unknown type";
    };
    EXPECT_EQ(failure(0x1c), "");
    EXPECT_EQ(failure(0x5c), known_from(16));
    EXPECT_EQ(failure(0x8c), known_from(16));
    if (draft == Draft::d15) continue;
    EXPECT_EQ(failure(0x10c), "");
    EXPECT_EQ(failure(0x20c), known_from(20));
    EXPECT_EQ(failure(0x80), "an unknown type");
    EXPECT_EQ(failure(0x9c), "an unknown type");
    EXPECT_EQ(failure(0x11c), "an unknown type");
  }
}

TEST(FetchStream, RangesLeaveTheOtherFieldsAsTheyWere) {
  for (const Draft draft : drafts(16, 22)) {
    const Stream stream{
        .fetch = FetchHeader{.request_id = 1},
        .objects = {with_payload({.group = 2, .subgroup = 3, .priority = 9}, "a"),
                    {.object = {.group = 2,
                                .object = 5,
                                .subgroup = 3,
                                .priority = 9,
                                .status = ObjectStatus::missing_range}},
                    // The next object, group and object not told, in the same subgroup.
                    with_payload({.group = 2, .object = 6, .subgroup = 3, .priority = 9}, "b"),
                    {.object = {.group = 4,
                                .object = 0,
                                .subgroup = 3,
                                .priority = 9,
                                .status = ObjectStatus::unknown_range}},
                    with_payload({.group = 4, .object = 9, .subgroup = 4, .priority = 9}, "c")}};
    const std::string hex = written(stream, draft);
    EXPECT_TRUE(hex.find("0101"
                         "62") != std::string::npos)
        << hex;
    const auto read = read_hex(hex, draft);
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(*read == stream);
  }
}

TEST(FetchStream, GroupsMayDescend) {
  const Stream stream{.fetch = FetchHeader{.request_id = 1},
                      .objects = {with_payload({.group = 9, .priority = 9}, "a"),
                                  with_payload({.group = 8, .priority = 9}, "b"),
                                  with_payload({.group = 3, .priority = 9}, "c")}};
  for (const Draft draft : kDrafts) {
    const std::string hex = written(stream, draft, GroupOrder::descending);
    const auto read = read_hex(hex, draft, GroupOrder::descending);
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(*read == stream);
  }
  // Below 0.
  EXPECT_EQ(failure_of("05001c0100800161"
                       "0c01000161",
                       Draft::d18, GroupOrder::descending),
            "a value is out of range");
}

TEST(FetchStream, ObjectsOfAGroupAscend) {
  // The same group, and the same object again.
  EXPECT_EQ(failure_of("05001c0105800161"
                       "04050161",
                       Draft::d17),
            "a value is out of range");
  EXPECT_EQ(failure_of("05001c0105800161"
                       "04000161",
                       Draft::d18),
            "a value is out of range");
  EXPECT_EQ(failure_of("05001c0105800161"
                       "04010161",
                       Draft::d18),
            "");
  EXPECT_EQ(failure_of("0500"
                       "01000580000161"
                       "01000580000161",
                       Draft::d14),
            "a value is out of range");
}

TEST(FetchStream, EmptyObjectsOf15HaveAStatus) {
  EXPECT_EQ(failure_of("05001c01008000"
                       "03",
                       Draft::d15),
            "");
  EXPECT_EQ(failure_of("05001c01008000", Draft::d15), "a field runs past the end");
  EXPECT_EQ(failure_of("05001c01008000", Draft::d16), "");
}

TEST(Datagram, EmptyPropertiesAreRefused) {
  const auto error_of = [](std::string_view hex, Draft draft) {
    return Datagram::decode(Bytes::copy(from_hex(hex)), draft).error();
  };
  for (const Draft draft : kDrafts) {
    EXPECT_EQ(error_of("0501028000", draft), DecodeError::out_of_range);
    // A status other than normal with properties; one with a byte too many.
    EXPECT_EQ(error_of("210102038002100103", draft), DecodeError::out_of_range);
    EXPECT_EQ(error_of("20010203800300", draft), DecodeError::trailing);
    EXPECT_EQ(error_of("200102038002", draft), DecodeError::unknown);
  }
}

TEST(Datagram, ThePayloadIsASlice) {
  const Bytes bytes = Bytes::copy(from_hex("0001412c04806869"));
  const auto read = Datagram::decode(bytes, Draft::d14);
  EXPECT_EQ((*read)->payload.data(), bytes.data() + 6);
}

// --- What is not sent ---------------------------------------------------------------------------

TEST(SubgroupObjectWriter, RefusesWhatCannotBeSaid) {
  const auto code_of = [](const SubgroupHeader& header, std::initializer_list<Object> objects,
                          Draft draft = Draft::d18) {
    SubgroupObjectWriter writer(header, draft);
    Result<Bytes> last;
    for (const Object& object : objects) last = writer.write(object);
    return last ? std::nullopt : std::optional(last.error().code);
  };
  const SubgroupHeader plain;
  EXPECT_EQ(code_of(plain, {{.object = 1}, {.object = 2}}), std::nullopt);
  EXPECT_EQ(code_of(plain, {{.object = 1}, {.object = 1}}), Code::invalid_argument);
  EXPECT_EQ(code_of(plain, {{.properties = kFirstTime}}), Code::invalid_argument);
  const Object ended{.status = ObjectStatus::end_of_group, .payload_bytes = 1};
  EXPECT_EQ(code_of(plain, {ended}), Code::invalid_argument);
  const SubgroupHeader with_properties{.has_properties = true};
  EXPECT_EQ(
      code_of(with_properties, {{.status = ObjectStatus::end_of_group, .properties = kFirstTime}}),
      Code::invalid_argument);
  EXPECT_EQ(code_of(plain, {{.status = ObjectStatus::missing_range}}), Code::invalid_argument);
  EXPECT_EQ(code_of(plain, {{.status = ObjectStatus::does_not_exist}}), Code::invalid_argument);
  EXPECT_EQ(code_of(plain, {{.status = ObjectStatus::does_not_exist}}, Draft::d15), std::nullopt);
  EXPECT_EQ(code_of(plain, {{.object = kMaxVarint + 1}}, Draft::d16), Code::invalid_argument);
}

TEST(FetchObjectWriter, RefusesWhatCannotBeSaid) {
  const auto code_of = [](GroupOrder order, std::initializer_list<Object> objects, Draft draft) {
    FetchObjectWriter writer(order, draft);
    Result<Bytes> last;
    for (const Object& object : objects) last = writer.write(object);
    return last ? std::nullopt : std::optional(last.error().code);
  };
  constexpr GroupOrder kUp = GroupOrder::ascending;
  constexpr GroupOrder kDown = GroupOrder::descending;
  EXPECT_EQ(code_of(kUp, {{.group = 2}, {.group = 1}}, Draft::d18), Code::invalid_argument);
  EXPECT_EQ(code_of(kDown, {{.group = 2}, {.group = 1}}, Draft::d18), std::nullopt);
  EXPECT_EQ(code_of(kDown, {{.group = 1}, {.group = 2}}, Draft::d18), Code::invalid_argument);
  EXPECT_EQ(code_of(kUp, {{.object = 2}, {.object = 2}}, Draft::d18), Code::invalid_argument);
  EXPECT_EQ(code_of(kUp, {{.status = ObjectStatus::end_of_group}}, Draft::d15), std::nullopt);
  EXPECT_EQ(code_of(kUp, {{.status = ObjectStatus::end_of_group}}, Draft::d16),
            Code::invalid_argument);
  EXPECT_EQ(code_of(kUp, {{.status = ObjectStatus::timed_out_range}}, Draft::d19),
            Code::invalid_argument);
  EXPECT_EQ(code_of(kUp, {{.status = ObjectStatus::timed_out_range}}, Draft::d20), std::nullopt);
}

TEST(Datagram, RefusesToSayWhatCannotBeSaid) {
  const auto is_sent = [](const Datagram& datagram, Draft draft = Draft::d18) {
    return datagram.encode(draft).has_value();
  };
  const Bytes payload = Bytes::copy("a");
  EXPECT_TRUE(is_sent({.payload = payload}));
  EXPECT_FALSE(is_sent({.status = ObjectStatus::end_of_group, .payload = payload}));
  EXPECT_FALSE(is_sent({.end_of_group = true, .status = ObjectStatus::end_of_group}));
  EXPECT_FALSE(is_sent({.status = ObjectStatus::end_of_group, .properties = kFirstTime}));
  EXPECT_FALSE(is_sent({.status = ObjectStatus::missing_range}));
  EXPECT_FALSE(is_sent({.object = kMaxVarint + 1, .payload = payload}, Draft::d14));
}

// --- Any streams --------------------------------------------------------------------------------

/// Streams of objects that could be, by a seed.
class RandomStreams {
 public:
  explicit RandomStreams(std::uint64_t seed) : random_(seed) {}

  /// A number of any width that all drafts can write.
  std::uint64_t number() { return random_.next() >> (4 + random_.below(60)); }
  bool chance() { return random_.below(2) == 0; }
  ObjectProperties properties() {
    ObjectProperties some;
    if (chance()) some.timestamp = number();
    if (chance()) some.timescale = number();
    if (chance()) some.prior_group_gap = number();
    if (chance()) some.prior_object_gap = number();
    return some;
  }
  std::uint8_t priority() { return static_cast<std::uint8_t>(random_.below(256)); }
  std::string payload() { return std::string(random_.below(200), 'p'); }

  Stream subgroup(Draft draft) {
    SubgroupHeader header{.track_alias = number(),
                          .group = number(),
                          .subgroup = number(),
                          .priority = priority(),
                          .has_properties = chance(),
                          .end_of_group = chance(),
                          .first_object = has_first_object(draft) && chance()};
    if (chance()) header.subgroup = 0;
    if (chance()) header.subgroup.reset();
    if (has_default_priority(draft) && chance()) header.priority.reset();
    Stream stream{.subgroup = header};
    std::uint64_t id = number();
    std::optional<std::uint64_t> subgroup = header.subgroup;
    for (std::uint64_t left = random_.below(5); left > 0; --left) {
      if (!subgroup) subgroup = id;
      Object object{
          .group = header.group, .object = id, .subgroup = subgroup, .priority = header.priority};
      if (header.has_properties) object.properties = properties();
      stream.objects.push_back(with_payload(object, payload()));
      if (left == 1 && chance()) {
        stream.objects.back() = {.object = object};
        stream.objects.back().object.properties = {};
        stream.objects.back().object.status = ObjectStatus::end_of_group;
      }
      id += 1 + random_.below(3);
    }
    return stream;
  }

  Stream fetch(Draft draft, GroupOrder order) {
    Stream stream{.fetch = FetchHeader{.request_id = number()}};
    Object object{.group = (std::uint64_t{1} << 40) + number() / 2, .subgroup = 0};
    for (std::uint64_t left = random_.below(8); left > 0; --left) {
      if (chance()) object.priority = priority();
      if (!object.priority) object.priority = priority();
      if (chance()) object.subgroup = object.subgroup.value_or(0) + random_.below(3);
      object.properties = chance() ? properties() : ObjectProperties{};
      object.status = ObjectStatus::normal;
      if (has_fetch_range_marks(draft) && !stream.objects.empty() && random_.below(4) == 0) {
        object.status = ObjectStatus::unknown_range;
        object.properties = {};
        object.priority = stream.objects.back().object.priority;
        object.subgroup = stream.objects.back().object.subgroup;
        stream.objects.push_back({.object = object});
      } else {
        stream.objects.push_back(with_payload(object, payload()));
      }
      if (chance()) {
        object.object += 1 + random_.below(3);
      } else {
        const std::uint64_t step = 1 + random_.below(1000);
        object.group += order == GroupOrder::ascending ? step : -step;
        object.object = random_.below(1000);
      }
    }
    return stream;
  }

 private:
  SeededRandom random_;
};

TEST(RandomStreams, AreReadAsTheyWereWritten) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (const Draft draft : kDrafts) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + to_string(draft));
      RandomStreams streams(seed);
      const std::size_t chunk = 1 + seed % 40;
      const Stream subgroup = streams.subgroup(draft);
      const auto read = read_hex(written(subgroup, draft), draft, GroupOrder::ascending, chunk);
      ASSERT_TRUE(read.has_value()) << read.error().describe();
      EXPECT_TRUE(*read == subgroup);
      for (const GroupOrder order : {GroupOrder::ascending, GroupOrder::descending}) {
        const Stream fetch = streams.fetch(draft, order);
        const auto again = read_hex(written(fetch, draft, order), draft, order, chunk);
        ASSERT_TRUE(again.has_value()) << again.error().describe();
        EXPECT_TRUE(*again == fetch);
      }
    }
  }
}

}  // namespace
}  // namespace moq::net::moqt
