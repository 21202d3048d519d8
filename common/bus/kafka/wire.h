// Records to and from librdkafka's messages, byte for byte. Internal to the folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "common/bus/record.h"

namespace watchbell::bus::kafka {

// Queues a record for its shard's partition of `topic`. `opaque` comes back with its report, which
// follows only if this returns NO_ERROR.
rd_kafka_resp_err_t Produce(rd_kafka_t* producer, rd_kafka_topic_t* topic, const Record& record,
                            void* opaque);

// `topic`: our name of it. The journal sequence is read from the headers, as far as it can be.
std::shared_ptr<Record> FromMessage(const rd_kafka_message_t& message, const std::string& topic);

}  // namespace watchbell::bus::kafka
