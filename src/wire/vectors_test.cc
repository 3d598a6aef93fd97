// The golden frames of tests/vectors/rpc and message bodies of other folders: each decodes to its
// stated text and is encoded to its stated bytes.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>

#include "base/test_vectors.h"
#include "wire/api.h"
#include "wire/fetch.h"
#include "wire/message.h"
#include "wire/messages.pb.h"
#include "wire/produce.h"

namespace strom::wire {
namespace {

using google::protobuf::Message;
using nlohmann::ordered_json;

std::unique_ptr<Message> NewMessage(const std::string& name) {
  const auto* descriptor = pb::ErrorResponse::descriptor()->file()->FindMessageTypeByName(name);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

Bytes Hex(const ordered_json& hex) {
  return *FromHex(hex.get<std::string>());
}

Bytes Serialize(const Message& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

// Java writes an empty packed run (tag, length 0) for an empty list; nobody else does. Such a body
// is longer than ours by two bytes a run and means the same.
bool DiffersByEmptyRunsOnly(ByteView theirs, ByteView ours) {
  return theirs.size() > ours.size() && (theirs.size() - ours.size()) % 2 == 0;
}

struct Decoded {
  ByteView body;
  std::string header_error;
};

Decoded CheckHeader(const ordered_json& vector, ByteView frame) {
  const ByteView payload = frame.subspan(kFrameLengthBytes);
  EXPECT_EQ(LoadBig<int32_t>(frame.data()), static_cast<int32_t>(payload.size()));
  const std::string kind = vector["kind"];
  if (kind == "request") {
    const auto header = ParseRequestHeader(payload);
    EXPECT_TRUE(header);
    if (!header) return {{}, "no header"};
    EXPECT_EQ(header->api_key, vector["api_key"].get<int>());
    EXPECT_EQ(header->api_version, vector["api_version"].get<int>());
    EXPECT_EQ(header->request_id, vector["request_id"].get<int32_t>());
    EXPECT_TRUE(ParseFrameLength(std::span<const uint8_t, 4>(frame.data(), 4)));
    return {payload.subspan(kRequestHeaderBytes), {}};
  }
  const auto response = ParseResponse(payload);
  EXPECT_TRUE(response);
  if (!response) return {{}, "no header"};
  if (kind == "server_failure") {
    EXPECT_EQ(response->type, ResponseType::kFailure);
  } else {
    EXPECT_EQ(response->type,
              kind == "error_response" ? ResponseType::kError : ResponseType::kSuccess);
    EXPECT_EQ(response->request_id, vector["request_id"].get<int32_t>());
  }
  return {response->body, {}};
}

// Our own encoders produce the very frame.
void CheckEncoded(const ordered_json& vector, const Message& message, ByteView frame) {
  const std::string kind = vector["kind"];
  const Bytes body = Serialize(message);
  Bytes encoded;
  if (kind == "request") {
    encoded = EncodeRequest({vector["api_key"].get<int16_t>(), vector["api_version"].get<int16_t>(),
                             vector["request_id"].get<int32_t>()},
                            message);
  } else if (kind == "success_response") {
    encoded = EncodeSuccess(vector["request_id"].get<int32_t>(), message).Flatten();
  } else if (kind == "error_response") {
    const auto& error = dynamic_cast<const pb::ErrorResponse&>(message);
    encoded = EncodeError(vector["request_id"].get<int32_t>(),
                          {static_cast<ErrorCode>(error.error_code()), error.error_message()})
                  .Flatten();
    // NONE is never sent: it would read as a success.
    if (error.error_code() == 0) return;
    // The reference's texts may be longer than what we send.
    if (error.error_message().size() > 1000) return;
  } else {
    return;  // failures are never sent
  }
  if (encoded.size() != frame.size() && DiffersByEmptyRunsOnly(frame, encoded)) return;
  EXPECT_EQ(ToHex(encoded), ToHex(frame));
}

void CheckFrame(const ordered_json& vector) {
  const Bytes frame = Hex(vector["frame_hex"]);
  const Decoded decoded = CheckHeader(vector, frame);
  ASSERT_TRUE(decoded.header_error.empty());
  const auto message = NewMessage(vector["message"]);
  ASSERT_NE(message, nullptr) << vector["message"];
  const Status parsed = ParseInto(decoded.body, *message);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const std::string text = vector.value("body_text", std::string("(see frame_hex)"));
  if (text != "(see frame_hex)") {
    const auto stated = NewMessage(vector["message"]);
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, stated.get()));
    EXPECT_EQ(ToHex(Serialize(*message)), ToHex(Serialize(*stated)));
  }
  CheckEncoded(vector, *message, frame);
}

class RpcVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(RpcVectors, DecodeAndEncode) {
  const std::string file = fmt::format("rpc/{}", GetParam());
  VectorReport report(file);
  const auto document = LoadVectors(file);
  const char* const list = document.contains("vectors") ? "vectors" : "frames";
  ASSERT_TRUE(document.contains(list));
  size_t n = 0;
  for (const auto& vector : document[list]) {
    const std::string name = vector.value("name", fmt::format("frame {}", n));
    SCOPED_TRACE(name);
    CheckFrame(vector);
    report.CaseDone(name);
    ++n;
  }
  EXPECT_GT(n, 0U);
}

INSTANTIATE_TEST_SUITE_P(AllFiles, RpcVectors,
                         ::testing::Values("acl_config_cluster.json", "admin.json",
                                           "apiversions.json", "authenticate.json", "errors.json",
                                           "framing.json", "internal.json", "metadata.json",
                                           "read.json", "snapshots_and_tokens.json", "write.json",
                                           "conversation_java_091.json",
                                           "conversation_rust_091.json"));

TEST(RpcVectors, ApiVersionsOfEachRole) {
  for (const auto& vector : LoadVectors("rpc/apiversions.json")["vectors"]) {
    const std::string name = vector["name"];
    if (name != "response_coordinator" && name != "response_tablet") continue;
    const Roles role = name == "response_tablet" ? Roles::kTablet : Roles::kCoordinator;
    EXPECT_EQ(ToHex(EncodeSuccess(0, MakeApiVersions(role)).Flatten()),
              vector["frame_hex"].get<std::string>());
  }
  EXPECT_FALSE(MakeApiVersions(Roles::kBoth).has_server_type());
  EXPECT_EQ(AllApis().size(), 65U);
}

TEST(RpcVectors, ErrorCodesAreThoseOfTheTable) {
  size_t errors = 0;
  for (const auto& vector : LoadVectors("rpc/errors.json")["vectors"]) {
    const auto code = ErrorCodeByName(vector["name"].get<std::string>());
    ASSERT_TRUE(code) << vector["name"];
    const std::string stated = fmt::format("error_code: {}\n", static_cast<int32_t>(*code));
    EXPECT_EQ(vector["body_text"].get<std::string>(), stated);
    ++errors;
  }
  EXPECT_EQ(errors, 74U);
}

TEST(ProbeVectors, RequestsParseOrSayWhatIsWrong) {
  VectorReport report("rpc/probes_091.json");
  for (const auto& probe : LoadVectors("rpc/probes_091.json")["probes"]) {
    const std::string name = probe["name"];
    const Bytes sent = Hex(probe["sent_hex"]);
    const auto length = ParseFrameLength(std::span<const uint8_t, 4>(sent.data(), 4));
    const bool no_frame = name.starts_with("frame_length_") && name != "frame_length_at_limit";
    EXPECT_EQ(length.has_value(), !no_frame) << name;
    if (length && *length <= sent.size() - kFrameLengthBytes) {
      const ByteView payload = ByteView(sent).subspan(kFrameLengthBytes, *length);
      const auto header = ParseRequestHeader(payload);
      ASSERT_TRUE(header) << name;
      const auto api = ResolveApi(*header, Roles::kTablet);
      const bool refused = name == "unknown_api_key" || name == "api_of_other_server_type" ||
                           name == "api_version_99" || name == "create_table_bad_json";
      EXPECT_EQ(api.has_value(), !refused) << name;
      if (api) {
        const auto message = NewMessage(fmt::format("{}Request", (*api)->message));
        ASSERT_NE(message, nullptr);
        const Status parsed = ParseInto(payload.subspan(kRequestHeaderBytes), *message);
        const bool malformed = name == "missing_required_field" || name == "truncated_string";
        EXPECT_EQ(parsed.has_value(), !malformed) << name;
      }
    }
    report.CaseDone(name);
  }
}

// Bodies without a frame.
void CheckBodies(const std::string& file, const char* list) {
  VectorReport report(file);
  size_t n = 0;
  for (const auto& vector : LoadVectors(file)[list]) {
    const std::string name = vector.value("name", vector.value("description", std::string("?")));
    SCOPED_TRACE(name);
    const Bytes body = Hex(vector["hex"]);
    const auto message = NewMessage(vector["message"]);
    ASSERT_NE(message, nullptr) << vector["message"];
    const Status parsed = ParseInto(body, *message);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
    const Bytes again = Serialize(*message);
    if (!DiffersByEmptyRunsOnly(body, again)) EXPECT_EQ(ToHex(again), ToHex(body));
    report.CaseDone(name);
    ++n;
  }
  EXPECT_GT(n, 0U);
}

TEST(BodyVectors, Metadata) {
  CheckBodies("metadata/messages.json", "messages");
}

TEST(BodyVectors, RemoteFetchInfo) {
  const auto vector = LoadVectors("log/remote_log.json")["fetch_info"];
  pb::PbRemoteLogFetchInfo info;
  const Bytes body = Hex(vector["hex"]);
  ASSERT_TRUE(ParseInto(body, info));
  EXPECT_EQ(info.remote_log_tablet_dir(), vector["remote_log_tablet_dir"].get<std::string>());
  EXPECT_EQ(info.first_start_pos(), vector["first_start_pos"].get<int>());
  EXPECT_EQ(info.remote_log_segments_size(), 2);
  EXPECT_EQ(ToHex(Serialize(info)), vector["hex"].get<std::string>());
}

// --- bodies of primary-key tables ---

template <class Message>
Message Parsed(const ordered_json& hex) {
  Message message;
  const Status status = ParseInto(Hex(hex), message);
  EXPECT_TRUE(status) << (status ? "" : status.error().message);
  EXPECT_EQ(ToHex(Serialize(message)), hex.get<std::string>());
  return message;
}

TEST(KvBodyVectors, PutKvCarriesTheBatchAndTheTargetColumns) {
  VectorReport report("kv/kv-record-batch.json");
  size_t cases = 0;
  for (const auto& test : LoadVectors("kv/kv-record-batch.json")["cases"]) {
    if (!test.contains("put_kv_request_body")) continue;
    const auto request = Parsed<pb::PutKvRequest>(test["put_kv_request_body"]);
    const auto& fields = test["put_kv_request_fields"];
    EXPECT_EQ(request.acks(), fields["acks"].get<int32_t>());
    EXPECT_EQ(request.table_id(), fields["table_id"].get<int64_t>());
    EXPECT_EQ(request.timeout_ms(), fields["timeout_ms"].get<int32_t>());
    EXPECT_EQ(ordered_json(request.target_columns()), fields["target_columns"]);
    ASSERT_EQ(request.buckets_req_size(), 1);
    EXPECT_EQ(request.buckets_req(0).bucket_id(), fields["bucket_id"].get<int32_t>());
    EXPECT_EQ(ToHex(AsBytes(request.buckets_req(0).records())), test["batch"].get<std::string>());
    report.CaseDone("PutKvRequest");
    ++cases;
  }
  EXPECT_EQ(cases, 1U);
}

// A hit and a miss, which is an empty message.
TEST(KvBodyVectors, LookupsAnswerEveryKey) {
  VectorReport report("kv/lookup-response.json");
  const auto test = LoadVectors("kv/lookup-response.json");
  const auto lookup = Parsed<pb::LookupResponse>(test["lookup_response_body"]);
  ASSERT_EQ(lookup.buckets_resp_size(), 1);
  EXPECT_EQ(lookup.buckets_resp(0).bucket_id(), test["bucket_id"].get<int32_t>());
  ASSERT_EQ(lookup.buckets_resp(0).values_size(), 2);
  EXPECT_EQ(ToHex(AsBytes(lookup.buckets_resp(0).values(0).values())),
            test["value"].get<std::string>());
  EXPECT_FALSE(lookup.buckets_resp(0).values(1).has_values());
  report.CaseDone("LookupResponse");

  const auto prefix = Parsed<pb::PrefixLookupResponse>(test["prefix_lookup_response_body"]);
  ASSERT_EQ(prefix.buckets_resp_size(), 1);
  EXPECT_EQ(prefix.buckets_resp(0).bucket_id(), test["bucket_id"].get<int32_t>());
  ASSERT_EQ(prefix.buckets_resp(0).value_lists_size(), 2);
  ASSERT_EQ(prefix.buckets_resp(0).value_lists(0).values_size(), 1);
  EXPECT_EQ(ToHex(AsBytes(prefix.buckets_resp(0).value_lists(0).values(0))),
            test["value"].get<std::string>());
  EXPECT_EQ(prefix.buckets_resp(0).value_lists(1).values_size(), 0);
  report.CaseDone("PrefixLookupResponse");
}

TEST(KvBodyVectors, ScansCarryValueBatches) {
  VectorReport report("kv/value-record-batch.json");
  size_t cases = 0;
  for (const auto& test : LoadVectors("kv/value-record-batch.json")["cases"]) {
    const std::string name = test["name"];
    if (!test.contains("limit_scan_response_body")) continue;
    SCOPED_TRACE(name);
    const auto limit = Parsed<pb::LimitScanResponse>(test["limit_scan_response_body"]);
    EXPECT_TRUE(limit.has_is_log_table());
    EXPECT_FALSE(limit.is_log_table());
    EXPECT_EQ(ToHex(AsBytes(limit.records())), test["batch"].get<std::string>());
    const auto scan = Parsed<pb::ScanKvResponse>(test["scan_kv_first_response_body"]);
    EXPECT_EQ(scan.scanner_id(), "0123456789abcdef0123456789abcdef");
    EXPECT_TRUE(scan.has_more_results());
    EXPECT_EQ(scan.log_offset(), 12345);
    EXPECT_EQ(ToHex(AsBytes(scan.records())), test["batch"].get<std::string>());
    report.CaseDone(name + ": bodies");
    ++cases;
  }
  EXPECT_EQ(cases, 3U);
}

// --- the hot messages against the generated classes ---

FetchResult Success(int64_t table, int32_t bucket, int64_t high_watermark,
                    std::span<const ByteView> records) {
  FetchResult result;
  result.bucket = {TableId(table), std::nullopt, BucketId(bucket)};
  result.high_watermark = Offset(high_watermark);
  result.records = records;
  return result;
}

TEST(HotMessages, FetchLogRequestsReadAsTheGeneratedClassReadsThem) {
  size_t checked = 0;
  const auto check = [&](ByteView body) {
    pb::FetchLogRequest expected;
    if (!ParseInto(body, expected)) return;
    const auto request = ParseFetchLog(body);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->follower_server_id, expected.follower_server_id());
    EXPECT_EQ(request->max_bytes, expected.max_bytes());
    EXPECT_EQ(request->max_wait_ms.has_value(), expected.has_max_wait_ms());
    EXPECT_EQ(request->min_bytes.value_or(0), expected.min_bytes());
    ASSERT_EQ(request->tables.size(), static_cast<size_t>(expected.tables_req_size()));
    for (size_t t = 0; t < request->tables.size(); ++t) {
      const FetchTable& table = request->tables[t];
      const auto& stated = expected.tables_req(static_cast<int>(t));
      EXPECT_EQ(table.table_id.value, stated.table_id());
      EXPECT_EQ(table.projection_enabled, stated.projection_pushdown_enabled());
      EXPECT_TRUE(std::ranges::equal(table.projected_fields, stated.projected_fields()));
      EXPECT_EQ(table.filter_predicate.has_value(), stated.has_filter_predicate());
      EXPECT_EQ(table.filter_schema_id.value_or(-7),
                stated.has_filter_schema_id() ? stated.filter_schema_id() : -7);
      ASSERT_EQ(table.buckets.size(), static_cast<size_t>(stated.buckets_req_size()));
      for (size_t b = 0; b < table.buckets.size(); ++b) {
        const auto& bucket = stated.buckets_req(static_cast<int>(b));
        EXPECT_EQ(table.buckets[b].bucket.value, bucket.bucket_id());
        EXPECT_EQ(table.buckets[b].fetch_offset, bucket.fetch_offset());
        EXPECT_EQ(table.buckets[b].max_fetch_bytes, bucket.max_fetch_bytes());
        EXPECT_EQ(table.buckets[b].partition.has_value(), bucket.has_partition_id());
      }
    }
    ++checked;
  };
  for (const char* file : {"rpc/read.json", "rpc/conversation_rust_091.json"}) {
    const auto document = LoadVectors(file);
    for (const auto& vector : document[document.contains("vectors") ? "vectors" : "frames"]) {
      if (vector["message"] != "FetchLogRequest") continue;
      const Bytes frame = Hex(vector["frame_hex"]);
      check(ByteView(frame).subspan(kFrameLengthBytes + kRequestHeaderBytes));
    }
  }
  VectorReport report("log/filter_fetch.json");
  const auto filter_fetch = LoadVectors("log/filter_fetch.json");
  for (const auto& vector : filter_fetch["messages"]) {
    const Bytes body = Hex(vector["hex"]);
    const auto message = NewMessage(vector["message"]);
    ASSERT_NE(message, nullptr);
    EXPECT_TRUE(ParseInto(body, *message)) << vector["name"];
    const Bytes again = Serialize(*message);
    if (!DiffersByEmptyRunsOnly(body, again)) EXPECT_EQ(ToHex(again), ToHex(body));
    if (vector["message"] == "FetchLogRequest") check(body);
    report.CaseDone(vector["name"]);
  }
  EXPECT_GE(checked, 5U);
}

TEST(RemoteLogVectors, FetchInfoIsTheStatedMessage) {
  VectorReport report("log/remote_log.json");
  const auto info = LoadVectors("log/remote_log.json")["fetch_info"];
  const Bytes bytes = Hex(info["hex"]);
  const auto message = ParseMessage<pb::PbRemoteLogFetchInfo>(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->remote_log_tablet_dir(), info["remote_log_tablet_dir"].get<std::string>());
  EXPECT_EQ(message->first_start_pos(), info["first_start_pos"].get<int32_t>());
  ASSERT_EQ(message->remote_log_segments_size(), 2);
  EXPECT_EQ(message->remote_log_segments(0).remote_log_end_offset(), 100);
  EXPECT_EQ(message->remote_log_segments(1).remote_log_start_offset(), 100);
  EXPECT_EQ(message->remote_log_segments(1).remote_log_end_offset(), 250);
  EXPECT_EQ(ToHex(Serialize(*message)), ToHex(bytes));
  report.CaseDone("fetch_info");
}

TEST(HotMessages, FetchLogResponsesAreTheBytesOfTheGeneratedClass) {
  const Bytes a(300, 0xaa);
  const Bytes b(5, 0xbb);
  const std::vector<ByteView> two{a, b};
  const std::vector<ByteView> one{b};
  std::vector<FetchResult> results;
  results.push_back(Success(9, 0, 100, two));
  results.push_back(Success(7, 1, 5, {}));
  results.push_back(Success(9, 3, int64_t{1} << 40, one));
  results.back().filtered_end_offset = Offset(77);
  results.back().bucket.partition = PartitionId(4);
  results.push_back(Success(7, 2, 0, {}));
  results.back().error = Error{ErrorCode::kLogOffsetOutOfRange, "no such offset"};

  pb::FetchLogResponse expected;
  auto* seven = expected.add_tables_resp();
  seven->set_table_id(7);
  auto* nine = expected.add_tables_resp();
  nine->set_table_id(9);
  auto* entry = seven->add_buckets_resp();
  entry->set_bucket_id(1);
  entry->set_high_watermark(5);
  entry->set_log_start_offset(0);
  entry->set_records("");
  entry = seven->add_buckets_resp();
  entry->set_bucket_id(2);
  entry->set_error_code(19);
  entry->set_error_message("no such offset");
  entry = nine->add_buckets_resp();
  entry->set_bucket_id(0);
  entry->set_high_watermark(100);
  entry->set_log_start_offset(0);
  entry->set_records(std::string(300, '\xaa') + std::string(5, '\xbb'));
  entry = nine->add_buckets_resp();
  entry->set_partition_id(4);
  entry->set_bucket_id(3);
  entry->set_high_watermark(int64_t{1} << 40);
  entry->set_log_start_offset(0);
  entry->set_records(std::string(5, '\xbb'));
  entry->set_filtered_end_offset(77);

  const OutgoingFrame frame = EncodeFetchLogResponse(-3, results);
  EXPECT_EQ(ToHex(frame.Flatten()), ToHex(EncodeSuccess(-3, expected).Flatten()));
  EXPECT_EQ(frame.size_bytes(), frame.Flatten().size());
  EXPECT_EQ(EncodeFetchLogResponse(1, {}).Flatten().size(), kFrameLengthBytes + 5);
}

TEST(HotMessages, ProduceLogIsAViewOnTheRequest) {
  pb::ProduceLogRequest request;
  request.set_acks(-1);
  request.set_table_id(int64_t{1} << 50);
  request.set_timeout_ms(30000);
  for (int i = 0; i < 3; ++i) {
    auto* bucket = request.add_buckets_req();
    if (i == 1) bucket->set_partition_id(8);
    bucket->set_bucket_id(i);
    bucket->set_records(std::string(static_cast<size_t>(i) * 100, static_cast<char>('a' + i)));
  }
  Bytes body = Serialize(request);
  const auto parsed = ParseProduceLog(body);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->acks, kAcksAll);
  EXPECT_EQ(parsed->table_id.value, int64_t{1} << 50);
  EXPECT_EQ(parsed->timeout_ms, 30000);
  ASSERT_EQ(parsed->buckets.size(), 3U);
  EXPECT_EQ(parsed->buckets[1].partition, PartitionId(8));
  EXPECT_FALSE(parsed->buckets[2].partition);
  EXPECT_EQ(AsText(parsed->buckets[2].records), std::string(200, 'c'));
  EXPECT_GE(parsed->buckets[2].records.data(), body.data());
  EXPECT_LT(parsed->buckets[2].records.data(), body.data() + body.size());
}

TEST(HotMessages, MissingRequiredFieldsAreNamed) {
  Bytes nothing;
  EXPECT_EQ(ParseProduceLog(nothing).error().message,
            "The required field ProduceLogRequest.acks is missing.");
  Bytes no_records = *FromHex(
      "08ffffffffffffffffff01100118012202"
      "1000");
  EXPECT_EQ(ParseProduceLog(no_records).error().message,
            "The required field PbProduceLogReqForBucket.records is missing.");
  EXPECT_EQ(ParseFetchLog({}).error().code, ErrorCode::kCorruptMessage);
}

TEST(HotMessages, UnknownFieldsWrongTypesAndRepeatedScalars) {
  // acks twice (the last counts), an unknown group and field, table_id once as bytes (ignored).
  Bytes body = *FromHex(
      "0800"
      "0801"
      "9b0108019c01"
      "f80705"
      "120101"
      "1007"
      "1864");
  const auto parsed = ParseProduceLog(body);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->acks, 1);
  EXPECT_EQ(parsed->table_id.value, 7);
  EXPECT_EQ(parsed->timeout_ms, 100);
}

TEST(HotMessages, ProjectedFieldsPackedAndUnpacked) {
  const Bytes packed = *FromHex(
      "080110011a0a"
      "08091001"
      "1a0402030405"
      "");
  const Bytes unpacked = *FromHex(
      "080110011a0c"
      "08091001"
      "1802180318041805");
  for (const Bytes& body : {packed, unpacked}) {
    const auto parsed = ParseFetchLog(body);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->tables[0].projected_fields, (std::vector<int32_t>{2, 3, 4, 5}));
  }
}

TEST(HotMessages, DamagedBodiesAreErrorsNotCrashes) {
  std::vector<Bytes> seeds;
  for (const char* file : {"rpc/read.json", "rpc/write.json"}) {
    for (const auto& vector : LoadVectors(file)["vectors"]) {
      if (vector["kind"] != "request") continue;
      const Bytes frame = Hex(vector["frame_hex"]);
      seeds.emplace_back(frame.begin() + kFrameLengthBytes + kRequestHeaderBytes, frame.end());
    }
  }
  uint64_t state = 42;
  const auto random = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  size_t accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes body = seeds[random() % seeds.size()];
    for (uint64_t flips = random() % 4; flips > 0 && !body.empty(); --flips) {
      body[random() % body.size()] = static_cast<uint8_t>(random());
    }
    if (random() % 3 == 0) body.resize(random() % (body.size() + 1));
    accepted += ParseFetchLog(body).has_value();
    accepted += ParseProduceLog(body).has_value();
    pb::FetchLogRequest message;
    accepted += ParseInto(body, message).has_value();
  }
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace strom::wire
