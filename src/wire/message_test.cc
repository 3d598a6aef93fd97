// Frames and bodies that are broken or too large: refused, each with a reason that names it.
#include "wire/message.h"

#include <gtest/gtest.h>

#include "wire/fields.h"
#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

std::string Refusal(ByteView body, const MessageLimits& limits = {}) {
  const auto parsed = ParseMessage<pb::CreateDatabaseRequest>(body, limits);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(Frames, ThatEndInsideTheirHeaderAreRefused) {
  const Bytes whole = *FromHex("03f8000000000007");
  EXPECT_EQ(*ParseRequestHeader(whole), (RequestHeader{1016, 0, 7}));
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto header = ParseRequestHeader(ByteView(whole).first(size));
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().message,
              fmt::format("A frame of {} bytes ends inside the request header.", size));
  }
  EXPECT_EQ(ParseResponse(*FromHex("00000000")).error().message,
            "An answer of 4 bytes ends inside its header.");
  for (const char* unknown : {"", "0300000007", "ff00000007"})
    EXPECT_EQ(ParseResponse(*FromHex(unknown)).error().code, ErrorCode::kCorruptMessage);
  EXPECT_EQ(ParseResponse(*FromHex("0200"))->type, ResponseType::kFailure);
}

TEST(Bodies, LimitsAreKept) {
  pb::CreateDatabaseRequest message;
  message.set_database_name("name");
  message.set_ignore_if_exists(true);
  const std::string text = message.SerializeAsString();
  EXPECT_EQ(Refusal(AsBytes(text)), "accepted");
  EXPECT_EQ(Refusal(AsBytes(text), {.max_fields = 1}),
            "CreateDatabaseRequest has more than 1 fields; split the request into smaller ones.");
  EXPECT_EQ(Refusal(AsBytes(text), {.max_bytes = 4}),
            fmt::format("CreateDatabaseRequest has {} bytes, more than the limit of 4; split the "
                        "request into smaller ones.",
                        text.size()));
}

TEST(Bodies, BrokenOnesAreRefused) {
  EXPECT_EQ(Refusal(*FromHex("0a02c328")),
            "CreateDatabaseRequest.database_name is no valid UTF-8.");
  EXPECT_EQ(Refusal(*FromHex("0a05")), "CreateDatabaseRequest is malformed at byte 2 of 2.");
  EXPECT_TRUE(Refusal({}).starts_with("CreateDatabaseRequest lacks required fields"))
      << Refusal({});
}

// Whatever follows the tag: cut off values of each type, and groups that do not end as they began.
TEST(Fields, CutOffValuesAndCrossedGroupsFail) {
  const auto fails = [](std::string_view hex) {
    const Bytes bytes = *FromHex(hex);
    FieldReader fields(bytes);
    while (fields.Next()) {
    }
    return fields.failed();
  };
  for (const char* cut : {"08", "0880", "0900000000000000", "0d000000", "0a", "0a8080", "0a0100ff",
                          "00", "0f", "0e", "0c", "0b", "0b0880", "0b00", "0b1314", "0b130c14"}) {
    EXPECT_TRUE(fails(cut)) << cut;
  }
  for (const char* whole : {"", "0800", "090000000000000000", "0d00000000", "0a00", "0b0c",
                            "0b13140c", "0b08010900000000000000000c"}) {
    EXPECT_FALSE(fails(whole)) << whole;
  }
}

TEST(Fields, GroupsMayNestOnlySoDeep) {
  const auto nested = [](int depth) {
    Bytes bytes(static_cast<size_t>(depth), 0x0b);
    bytes.insert(bytes.end(), static_cast<size_t>(depth), 0x0c);
    FieldReader fields(bytes);
    return !fields.Next() && !fields.failed();
  };
  EXPECT_TRUE(nested(kMaxGroupDepth));
  EXPECT_FALSE(nested(kMaxGroupDepth + 1));
}

TEST(Requests, CarryTheNewestVersionOfTheirApi) {
  pb::CreateDatabaseRequest message;
  message.set_database_name("d");
  message.set_ignore_if_exists(false);
  const Bytes frame = EncodeRequest(Api::kPutKv, 7, message);
  EXPECT_EQ(*ParseRequestHeader(ByteView(frame).subspan(kFrameLengthBytes)),
            (RequestHeader{1016, InfoOf(Api::kPutKv).max_version, 7}));
}

TEST(Answers, ErrorsComeBackAsTheyWere) {
  const Bytes frame = EncodeTooLarge(9).Flatten();
  const auto response = ParseResponse(ByteView(frame).subspan(kFrameLengthBytes));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->request_id, 9);
  const auto body = SuccessBody(*response);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(body.error().message, "The answer is larger than 2 GiB; ask for less at once.");
}

}  // namespace
}  // namespace strom::wire
