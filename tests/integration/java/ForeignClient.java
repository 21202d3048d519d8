import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own client with its own defaults, for tests: what a program that is none of ours does and sees.
 *
 * <p>usage: java -cp 'JARS/*' ForeignClient.java COMMAND BROKERS ARGUMENT...
 * <pre>
 * produce TOPIC      standard input: key, value, headers (name=value,...) -> partition, offset
 * consume TOPIC...   all there is by now -> topic, partition, offset, time, key, value, headers
 * choose TOPIC COUNT standard input: keys. Makes TOPIC with COUNT partitions, sends each key -> key, partition
 * </pre>
 * One record a line, tabs between its parts; keys and values in base64, "-" for null. Header values in base64.
 */
public class ForeignClient {
  public static void main(String[] arguments) throws Exception {
    String command = arguments[0];
    Properties common = new Properties();
    common.put("bootstrap.servers", arguments[1]);
    switch (command) {
      case "produce" -> produce(common, arguments[2]);
      case "consume" -> consume(common, List.of(arguments).subList(2, arguments.length));
      case "choose" -> choose(common, arguments[2], Integer.parseInt(arguments[3]));
      default -> throw new IllegalArgumentException(command);
    }
  }

  static byte[] bytes(String text) {
    return text.equals("-") ? null : Base64.getDecoder().decode(text);
  }

  static String text(byte[] bytes) {
    return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
  }

  static BufferedReader input() {
    return new BufferedReader(new InputStreamReader(System.in));
  }

  static KafkaProducer<byte[], byte[]> producer(Properties common) {
    return new KafkaProducer<>(common, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static void produce(Properties common, String topic) throws Exception {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = producer(common)) {
      BufferedReader input = input();
      for (String line; (line = input.readLine()) != null; ) {
        String[] parts = line.split("\t", -1);
        var produced = new ProducerRecord<>(topic, bytes(parts[0]), bytes(parts[1]));
        for (String header : parts[2].isEmpty() ? new String[0] : parts[2].split(",")) {
          int equals = header.indexOf('=');
          produced.headers().add(header.substring(0, equals), bytes(header.substring(equals + 1)));
        }
        sent.add(producer.send(produced));
      }
    }
    for (var report : sent) System.out.println(report.get().partition() + "\t" + report.get().offset());
  }

  static void consume(Properties common, List<String> topics) {
    try (var consumer = new KafkaConsumer<>(common, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = new ArrayList<>();
      for (String topic : topics) {
        for (PartitionInfo one : consumer.partitionsFor(topic)) all.add(new TopicPartition(topic, one.partition()));
      }
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (all.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) print(record);
      }
    }
  }

  static void print(ConsumerRecord<byte[], byte[]> record) {
    List<String> headers = new ArrayList<>();
    for (Header header : record.headers()) headers.add(header.key() + "=" + text(header.value()));
    System.out.println(String.join("\t", record.topic(), "" + record.partition(), "" + record.offset(),
        "" + record.timestamp(), text(record.key()), text(record.value()), String.join(",", headers)));
  }

  static void choose(Properties common, String topic, int partitions) throws Exception {
    try (Admin admin = Admin.create(common)) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }
    List<String> keys = input().lines().toList();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = producer(common)) {
      for (String key : keys) sent.add(producer.send(new ProducerRecord<>(topic, bytes(key), new byte[0])));
    }
    for (int i = 0; i < keys.size(); ++i) System.out.println(keys.get(i) + "\t" + sent.get(i).get().partition());
  }
}
