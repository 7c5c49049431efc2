import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Checks a licence as docs/SPEC.md says, with nothing but JDK 17: copy this file into your product
 * and call {@link #check}. Numbers in comments are sections of docs/SPEC.md.
 */
public final class Verify {
    private Verify() {}

    /** A problem that ends what is being done (section 9.1). */
    static final class Refused extends RuntimeException {
        final String slug;

        Refused(String slug, Throwable cause) {
            super(slug, cause);
            this.slug = slug;
        }

        Refused(String slug) {
            this(slug, null);
        }
    }

    /** Something is not as it must be; whoever knows what it is part of makes it a problem. */
    static final class Invalid extends RuntimeException {
        Invalid(String what) {
            super(what);
        }
    }

    static void demand(boolean truth, String what) {
        if (!truth) {
            throw new Invalid(what);
        }
    }

    interface Step<T> {
        T run();
    }

    /** Do a step; where something in it is not as it must be, that is the problem {@code slug}. */
    static <T> T orRefused(String slug, Step<T> step) {
        try {
            return step.run();
        } catch (Invalid error) {
            throw new Refused(slug, error);
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(UTF_8);
    }

    static byte[] sha256(byte[] data) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(data);
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    static byte[] hmac(byte[] key, byte[] data) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(data);
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    // 2.2 base64url: the decoder is tolerant, so what was decoded is encoded again and compared.

    static String toBase64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static byte[] fromBase64url(String text) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException error) {
            throw new Invalid("base64url");
        }
        demand(toBase64url(bytes).equals(text), "base64url");
        return bytes;
    }

    // 2.3 JSON.

    /** A strict reader. Objects are Maps, arrays Lists; a number is a Long or, if no integer, NaN. */
    static final class Json {
        private static final int DEEPEST = 8;
        private static final long GREATEST = (1L << 53) - 1;
        private static final int MOST_DIGITS = 4300;
        private static final Pattern SPACE = Pattern.compile("[ \\t\\n\\r]*");
        private static final Pattern NUMBER =
                Pattern.compile("-?(?:0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");
        private static final Pattern WORD = Pattern.compile("true|false|null");
        private final String text;
        private int at = 0;

        private Json(String text) {
            this.text = text;
        }

        static Object parse(byte[] bytes) {
            String text;
            try {
                text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            } catch (CharacterCodingException error) {
                throw new Invalid("UTF-8");
            }
            Json json = new Json(text);
            Object value = json.value(1);
            json.take(SPACE);
            demand(json.at == text.length(), "something after the value");
            return value;
        }

        private String take(Pattern pattern) {
            Matcher found = pattern.matcher(text).region(at, text.length());
            if (!found.lookingAt()) {
                return null;
            }
            at = found.end();
            return found.group();
        }

        private boolean stands(char sign) {
            take(SPACE);
            return at < text.length() && text.charAt(at) == sign;
        }

        private boolean takeSign(char sign) {
            boolean found = stands(sign);
            at += found ? 1 : 0;
            return found;
        }

        private Object value(int depth) {
            if (stands('{') || stands('[')) {
                demand(depth <= DEEPEST, "nested too deep");
                return stands('{') ? object(depth) : array(depth);
            }
            if (stands('"')) {
                return string();
            }
            String number = take(NUMBER);
            if (number != null) {
                return number(number);
            }
            String word = take(WORD);
            demand(word != null, "a value");
            return word.equals("null") ? null : Boolean.valueOf(word);
        }

        private static Object number(String number) {
            boolean isWhole = number.matches("-?[0-9]+");
            demand(!isWhole || number.replace("-", "").length() <= MOST_DIGITS, "an integer");
            if (!number.matches("-?[0-9]{1,16}") || Math.abs(Long.parseLong(number)) > GREATEST) {
                return Double.NaN;
            }
            return Long.valueOf(number);
        }

        private Map<String, Object> object(int depth) {
            Map<String, Object> members = new LinkedHashMap<>();
            takeSign('{');
            if (takeSign('}')) {
                return members;
            }
            do {
                String name = string();
                demand(!members.containsKey(name) && takeSign(':'), name);
                members.put(name, value(depth + 1));
            } while (takeSign(','));
            demand(takeSign('}'), "}");
            return members;
        }

        private List<Object> array(int depth) {
            List<Object> items = new ArrayList<>();
            takeSign('[');
            if (takeSign(']')) {
                return items;
            }
            do {
                items.add(value(depth + 1));
            } while (takeSign(','));
            demand(takeSign(']'), "]");
            return items;
        }

        private String string() {
            String value = characters();
            demand(value.codePoints().noneMatch(Verify::isSurrogate), "a surrogate");
            return value;
        }

        /** A string, even with a surrogate that has no partner. */
        private String characters() {
            demand(takeSign('"'), "a string");
            StringBuilder value = new StringBuilder();
            while (true) {
                demand(at < text.length(), "the end of a string");
                char sign = text.charAt(at++);
                if (sign == '"') {
                    break;
                }
                demand(sign >= ' ', "a control character");
                value.append(sign == '\\' ? escape() : sign);
            }
            return value.toString();
        }

        private char escape() {
            demand(at < text.length(), "an escape");
            char sign = text.charAt(at++);
            if (sign == 'u') {
                String digits = text.substring(at, Math.min(at + 4, text.length()));
                demand(digits.matches("[0-9a-fA-F]{4}"), "an escape");
                at += 4;
                return (char) Integer.parseInt(digits, 16);
            }
            int which = "\"\\/bfnrt".indexOf(sign);
            demand(which >= 0, "an escape");
            return "\"\\/\b\f\n\r\t".charAt(which);
        }
    }

    static boolean isSurrogate(int codePoint) {
        return codePoint >= 0xd800 && codePoint <= 0xdfff;
    }

    // 2.3 The types of members. Each takes a value and says whether it is one.

    static final long LAST_INSTANT = 253402300799L; // 2.4, as is that a clock beyond it shows it
    static final List<String> COMPONENTS = List.of("hostname", "ip", "machine_id", "container_id");

    /** What each profile looks at. */
    static final Map<String, List<String>> PROFILES =
            Map.of(
                    "hk1", COMPONENTS,
                    "hk1-host", COMPONENTS.subList(0, 3),
                    "hk1-cluster", List.of("cluster_uid"),
                    "hk1-site", List.of("site", "roster"));

    /** Those that a licence names in must_understand. */
    static final List<String> LATER = List.of("hk1-cluster", "hk1-site");
    static final Predicate<Object> INTEGER = value -> value instanceof Long number && number >= 0;
    static final Predicate<Object> INSTANT =
            INTEGER.and(value -> (Long) value <= LAST_INSTANT);
    static final Predicate<Object> POSITIVE = INTEGER.and(value -> (Long) value >= 1);
    static final Predicate<Object> STRING = value -> value instanceof String;
    static final Predicate<Object> TEXT =
            value ->
                    value instanceof String text
                            && !text.isEmpty()
                            && text.codePointCount(0, text.length()) <= 200;
    static final Predicate<Object> NAME = matching("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}");
    static final Predicate<Object> NAMES =
            value ->
                    value instanceof List<?> items
                            && items.stream().allMatch(NAME)
                            && new HashSet<>(items).size() == items.size();
    static final Predicate<Object> NUMBERS = map(NAME, INTEGER);
    static final Predicate<Object> OBJECT = value -> value instanceof Map;
    static final Predicate<Object> PROFILE =
            value -> value instanceof String && PROFILES.containsKey(value);
    static final Predicate<Object> OF_32_BYTES = matching("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]");
    static final Predicate<Object> TAG = matching("[0-9a-f]{16}");
    static final Predicate<Object> TAGS =
            map(value -> PROFILES.values().stream().anyMatch(names -> names.contains(value)), TAG);
    static final Predicate<Object> HOST_KEY = matching("[0-9a-f]{40}");

    static Predicate<Object> matching(String pattern) {
        return value -> value instanceof String text && text.matches(pattern);
    }

    static Predicate<Object> oneOf(Object... values) {
        return Arrays.asList(values)::contains;
    }

    static Predicate<Object> map(Predicate<Object> key, Predicate<Object> item) {
        return value ->
                value instanceof Map<?, ?> map
                        && map.keySet().stream().allMatch(key)
                        && map.values().stream().allMatch(item);
    }

    /** What members an object has; see {@link #read}. */
    static final class Members {
        private final Map<String, Predicate<Object>> types = new LinkedHashMap<>();
        private final Set<String> required = new HashSet<>();

        Members must(String name, Predicate<Object> type) {
            required.add(name);
            return may(name, type);
        }

        Members may(String name, Predicate<Object> type) {
            types.put(name, type);
            return this;
        }

        /** The members of {@code value} that have a name here; each is of its type. */
        Map<String, Object> read(Object value) {
            demand(value instanceof Map, "an object");
            Map<?, ?> all = (Map<?, ?>) value;
            Map<String, Object> found = new LinkedHashMap<>();
            types.forEach(
                    (name, type) -> {
                        demand(all.containsKey(name) || !required.contains(name), name);
                        if (all.containsKey(name)) {
                            demand(type.test(all.get(name)), name);
                            found.put(name, all.get(name));
                        }
                    });
            return found;
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> mapOf(Object value) {
        return value == null ? Map.of() : (Map<String, Object>) value;
    }

    static long number(Map<String, Object> members, String name, long absent) {
        return members.get(name) instanceof Long value ? value : absent;
    }

    // 3.2 to 3.4 Host.

    /** A host; what is missing is null or empty, or false. */
    record Host(
            Map<String, String> components,
            String engine,
            boolean machineIdBound,
            String pinnedIp,
            String formerIp,
            long gpus,
            boolean onceBare,
            boolean onceBound,
            boolean machineIdOfImage,
            String layer) {

        /** What {@code gpus} is where they cannot be counted. */
        static final long NOT_COUNTED = -1;

        Host {
            components = new HashMap<>(components);
            components.values().removeIf(value -> value == null || value.isEmpty());
            pinnedIp = "".equals(pinnedIp) ? null : pinnedIp;
            formerIp = "".equals(formerIp) ? null : formerIp;
            engine = "".equals(engine) ? null : engine;
            layer = "".equals(layer) ? null : layer;
        }

        /** 3.7 The host as version 1 of section 3 saw it, for a licence that was issued then. */
        Host asIssued(long iat) {
            if (iat >= VERSION_2) {
                return this;
            }
            Map<String, String> seen = new HashMap<>(components);
            if (onceBare) {
                seen.remove("container_id");
            }
            String seenEngine = onceBare ? null : engine;
            boolean bound = machineIdBound || onceBound;
            return new Host(
                    seen, seenEngine, bound, pinnedIp, formerIp, gpus, onceBare, onceBound, false, layer);
        }

        boolean isUnknown() {
            return "unknown".equals(engine);
        }

        /** 3.7 This host with the address that the rule of version 1 takes. */
        Host former() {
            Map<String, String> others = new HashMap<>(components);
            others.put("ip", formerIp);
            return new Host(
                    others,
                    engine,
                    machineIdBound,
                    pinnedIp,
                    null,
                    gpus,
                    onceBare,
                    onceBound,
                    machineIdOfImage,
                    layer);
        }

        /** Whether what is declared as the address is one, as inet_pton(3) reads it. */
        boolean isPinnedValid() {
            return pinnedIp == null || IPV4.matcher(pinnedIp).matches() || isIpv6(pinnedIp);
        }

        /** 9.2 Which it is of a cluster, or a site. */
        private String differenceOfMany(String profile, String key, Map<String, Object> licensed) {
            boolean isSite = profile.equals("hk1-site");
            if (isSite && sizeOfSite(key) > 0) {
                return "machine-added-later";
            }
            if (licensed.isEmpty()) {
                return isSite ? "change-unknown" : "cluster-uid-differs";
            }
            List<String> found = differing(ofProfile(profile), profile, licensed);
            return found.isEmpty() ? "change-unknown" : found.get(0).replace('_', '-') + "-differs";
        }

        boolean hasPinned() {
            return pinnedIp == null
                    || pinnedIp.equals(components.get("ip"))
                    || pinnedIp.equals(formerIp);
        }

        static List<String> ofProfile(String profile) {
            return PROFILES.get(profile);
        }

        private List<String> roster() {
            return List.of(components.getOrDefault("roster", "").split(","));
        }

        /** 3.9 The place of the machine on the roster of its site, or -1. */
        int placeOnRoster() {
            byte[] site = HexFormat.of().parseHex(components.get("site"));
            byte[] line = utf8("machine_id\n" + components.get("machine_id"));
            return roster().indexOf(hex(hmac(site, line), 16));
        }

        /** 3.9 How many machines the site had when it had this key; 0 where it never had. */
        int sizeOfSite(String key) {
            for (int count = roster().size() - 1; count > 0; count--) {
                Map<String, String> fewer = new HashMap<>(components);
                fewer.put("roster", String.join(",", roster().subList(0, count)));
                if (hashed("hk1-site", name -> fewer.getOrDefault(name, "")).equals(key)) {
                    return count;
                }
            }
            return 0;
        }

        private void demandBound() {
            if (components.get("machine_id") == null || engine != null && !machineIdBound) {
                throw new Refused("host-machine-id-not-bound");
            }
        }

        private void demandCluster() {
            if (!"kubernetes".equals(engine) || components.get("cluster_uid") == null) {
                throw new Refused("host-cluster-unknown");
            }
        }

        private void demandSite() {
            if (components.get("site") == null) {
                throw new Refused("host-site-unknown");
            }
            demandBound();
            if (machineIdOfImage) {
                throw new Refused("host-machine-id-not-bound");
            }
            if (placeOnRoster() < 0) {
                throw new Refused("host-not-in-site");
            }
        }

        /** The value under a profile; empty where it is missing or left out. */
        String value(String component, String profile) {
            String value = components.get(component);
            return value == null || !ofProfile(profile).contains(component) ? "" : value;
        }

        String key(String profile) {
            boolean machine = components.get("machine_id") != null;
            if (profile.equals("hk1-cluster")) {
                demandCluster();
            } else if (profile.equals("hk1-site")) {
                demandSite();
            } else if (profile.equals("hk1-host")) {
                demandBound();
            } else if (components.get("container_id") == null
                    && (!machine || isUnknown() && !machineIdBound)) {
                throw new Refused("host-unidentifiable");
            }
            return hashed(profile, name -> value(name, profile));
        }

        private static String hashed(String profile, UnaryOperator<String> values) {
            StringBuilder canonical = new StringBuilder(profile).append('\n');
            for (String component : ofProfile(profile)) {
                String value = values.apply(component);
                String sized = "=" + utf8(value).length + ":" + value;
                canonical.append(component).append(value.isEmpty() ? "=!missing" : sized).append('\n');
            }
            return hex(sha256(utf8(canonical.toString())), 40);
        }

        boolean isCopyable(String profile) {
            if (engine == null) {
                return machineIdOfImage;
            }
            boolean isShared = isUnknown() && ofProfile(profile).contains("container_id");
            return value("container_id", profile).isEmpty()
                    && (!machineIdBound || isShared);
        }

        private byte[] anchor(String profile) {
            String ids = value("machine_id", profile) + "\n" + value("container_id", profile);
            return sha256(utf8("hostseal anchor\n" + ids));
        }

        /** 7.2 Whether only the layer tells this container from the licensed one. */
        boolean isOfOtherLayer(String profile, String licensed) {
            return licensed != null
                    && layer != null
                    && !value("container_id", profile).isEmpty()
                    && !hex(hmac(anchor(profile), utf8("layer\n" + layer)), 16).equals(licensed);
        }

        Map<String, Object> tags(String profile) {
            byte[] anchor = anchor(profile);
            Map<String, Object> tags = new LinkedHashMap<>();
            for (String component : ofProfile(profile)) {
                String value = value(component, profile);
                byte[] line = utf8(component + "\n" + value);
                if (value.isEmpty()) {
                    continue;
                }
                if (!component.equals("hostname") && !component.equals("ip")) {
                    tags.put(component, hex(sha256(line), 16));
                } else if (!isCopyable(profile)) {
                    tags.put(component, hex(hmac(anchor, line), 16));
                }
            }
            return tags;
        }

        boolean matchesAnchors(String profile, Map<String, Object> licensed) {
            return !isCopyable(profile)
                    && ANCHORS.stream().anyMatch(licensed::containsKey)
                    && differing(ANCHORS, profile, licensed).isEmpty();
        }

        private List<String> differing(
                List<String> among, String profile, Map<String, Object> licensed) {
            Map<String, Object> present = tags(profile);
            return among.stream()
                    .filter(name -> !Objects.equals(licensed.get(name), present.get(name)))
                    .toList();
        }

        boolean hasKey(String profile, String key) {
            try {
                return key(profile).equals(key);
            } catch (Refused error) {
                return false;
            }
        }

        /** Why the key differs (9.2): another profile, or the tags; under another anchor, nothing. */
        List<String> differences(String profile, String key, Map<String, Object> licensed) {
            if (PROFILES.keySet().stream()
                    .anyMatch(other -> !other.equals(profile) && hasKey(other, key))) {
                return List.of("profile-differs");
            }
            if (LATER.contains(profile)) {
                return List.of(differenceOfMany(profile, key, licensed));
            }
            List<String> found = differing(ANCHORS, profile, licensed);
            if (found.isEmpty() && !isCopyable(profile)) {
                found = differing(COMPONENTS, profile, licensed);
            }
            if (licensed.isEmpty() || found.isEmpty()) {
                return List.of("change-unknown");
            }
            return found.stream().map(name -> name.replace('_', '-') + "-differs").toList();
        }
    }

    /** Demands that a request or licence under the profile may have these tags. */
    static void demandTags(String profile, Map<String, Object> tags) {
        List<String> names = LATER.contains(profile) ? PROFILES.get(profile) : COMPONENTS;
        demand(names.containsAll(tags.keySet()), "tags");
    }

    static final List<String> ANCHORS = List.of("machine_id", "container_id");

    static final String OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    static final Pattern IPV4 = Pattern.compile(OCTET + "(?:\\." + OCTET + "){3}");

    /** Eight groups of up to four digits; one run of them may be ::, the last two an IPv4 address. */
    static boolean isIpv6(String text) {
        int last = text.lastIndexOf(':') + 1;
        boolean isMixed = last > 0 && IPV4.matcher(text.substring(last)).matches();
        String whole = isMixed ? text.substring(0, last) + "0:0" : text;
        String[] halves = whole.split("::", -1);
        int groups = 0;
        for (String half : halves) {
            if (half.matches("[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*")) {
                groups += half.split(":").length;
            } else if (halves.length == 1 || !half.isEmpty()) {
                return false;
            }
        }
        return halves.length == 1 ? groups == 8 : halves.length == 2 && groups < 8;
    }

    static String hex(byte[] bytes, int digits) {
        return HexFormat.of().formatHex(bytes).substring(0, digits);
    }

    // 4 Text.

    static final int LARGEST_FILE = 65536;
    static final int LARGEST_MENDED = 1048576;
    static final String WHITE =
            "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
    static final String DASHES = "[-\\u2010-\\u2015\\u2212\\ufe58\\ufe63\\uff0d]{1,5}";
    static final Pattern MARKER =
            Pattern.compile(
                    (DASHES + "W*(BEGIN|END)W+LICENSE(?:W+([A-Z]+))?W*" + DASHES)
                            .replace("W", WHITE));
    static final String INVISIBLE =
            "[\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff\\x00]";
    static final Pattern LONG_DASH = Pattern.compile("[\\u2014\\u2015]");
    static final Pattern ESCAPES = Pattern.compile("(?:=[0-9A-Fa-f]{2})+");

    record Block(String label, String token) {}

    /** 4.3 step 1. */
    static String decode(byte[] bytes) {
        int[] zeros = new int[2];
        for (int at = 0; at < bytes.length; at++) {
            zeros[at % 2] += bytes[at] == 0 ? 1 : 0;
        }
        String start = HexFormat.of().formatHex(Arrays.copyOf(bytes, 2));
        Charset charset = UTF_8;
        if (start.equals("fffe")) {
            charset = StandardCharsets.UTF_16LE;
        } else if (start.equals("feff")) {
            charset = StandardCharsets.UTF_16BE;
        } else if (Math.max(zeros[0], zeros[1]) * 8 > bytes.length) {
            charset = zeros[0] > zeros[1] ? StandardCharsets.UTF_16BE : StandardCharsets.UTF_16LE;
        }
        return new String(bytes, charset);
    }

    static String tokenIn(String source) {
        return source.replaceAll(WHITE, "").replaceAll("\ufffd+", "\ufffd");
    }

    /** 4.3 steps 2 and 3: the blocks, or null where the text is cut off. */
    static List<Block> pair(String source) {
        List<Block> blocks = new ArrayList<>();
        String begun = null;
        int start = 0;
        Matcher marker = MARKER.matcher(source);
        while (marker.find()) {
            String label = marker.group(2) == null ? "LICENSE" : "LICENSE " + marker.group(2);
            if (marker.group(1).equals("BEGIN")) {
                if (begun != null) {
                    return null;
                }
                begun = label;
                start = marker.end();
            } else {
                if (!label.equals(begun)) {
                    return null;
                }
                blocks.add(
                        new Block(label, tokenIn(source.substring(start, marker.start()))));
                begun = null;
            }
        }
        return begun == null ? blocks : null;
    }

    /** 4.3 step 4. */
    static String mend(String source) {
        String joined = source.replaceAll("=[ \\t]*(?:\\r\\n|\\r|\\n)", "");
        return ESCAPES
                .matcher(joined)
                .replaceAll(run -> Matcher.quoteReplacement(unescape(run.group())))
                .replaceAll("[>|]", " ")
                .replaceAll(INVISIBLE, "")
                .replaceAll("[\\u2010-\\u2013\\u2212\\ufe58\\ufe63\\uff0d]", "-");
    }

    static String unescape(String run) {
        byte[] bytes = HexFormat.of().parseHex(run.replace("=", ""));
        return new String(bytes, UTF_8);
    }

    /** 4.3: the blocks of a text; {@code damaged} is the problem of one that is cut off. */
    static List<Block> readBlocks(String source, String damaged) {
        return readBlocks(source, damaged, true);
    }

    static List<Block> blocksOf(byte[] file, String damaged) {
        return readBlocks(decode(file), damaged, file.length <= LARGEST_MENDED);
    }

    private static List<Block> readBlocks(String source, String damaged, boolean isMended) {
        List<Block> first = pair(source);
        boolean clean =
                first != null
                        && !first.isEmpty()
                        && first.stream().allMatch(it -> it.token.matches("[A-Za-z0-9._-]*"));
        List<Block> blocks = clean || !isMended ? first : pair(mend(source));
        if (blocks == null) {
            throw new Refused(damaged);
        }
        return blocks;
    }

    static List<String> tokensOf(List<Block> blocks, String label) {
        return blocks.stream().filter(it -> it.label.equals(label)).map(Block::token).toList();
    }

    /** 4.3 step 6: the first reading that can be opened; where none can, the second says why. */
    static <T> T firstReading(String token, Function<String, T> open) {
        Matcher dashes = LONG_DASH.matcher(token);
        if (!dashes.find()) {
            return open.apply(token);
        }
        try {
            return open.apply(dashes.replaceAll("-"));
        } catch (Refused | Invalid error) {
            return open.apply(dashes.replaceAll("--"));
        }
    }

    // 6.1, 6.2 Keys.

    static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");
    static final BigInteger FIELD = BigInteger.TWO.pow(255).subtract(BigInteger.valueOf(19));

    static final BigInteger ORDER_8 =
            new BigInteger("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16);

    /** The y-coordinates of the eight points of small order. */
    static final Set<BigInteger> SMALL_ORDER =
            Set.of(
                    BigInteger.ZERO,
                    BigInteger.ONE,
                    FIELD.subtract(BigInteger.ONE),
                    ORDER_8,
                    FIELD.subtract(ORDER_8));

    /** One of 44 bytes has one = at its end. */
    static final Pattern PEM =
            Pattern.compile("-----BEGIN PUBLIC KEY-----([^-=]+)=\\s*-----END PUBLIC KEY-----");

    /** A public key; what its members say is of the keyset, and empty for a root key. */
    record Key(String x, String kid, PublicKey verifier, Map<String, Object> members) {

        static Key of(byte[] bytes, Map<String, Object> members) {
            demand(bytes.length == 32, "the length of a key");
            byte[] reversed = new byte[32];
            for (int at = 0; at < 32; at++) {
                reversed[at] = bytes[31 - at];
            }
            BigInteger y = new BigInteger(1, reversed).clearBit(255);
            demand(y.compareTo(FIELD) < 0 && !SMALL_ORDER.contains(y), "a point that is no key");
            String x = toBase64url(bytes);
            String jwk = "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + x + "\"}";
            byte[] der = Arrays.copyOf(SPKI, SPKI.length + 32);
            System.arraycopy(bytes, 0, der, SPKI.length, 32);
            try {
                PublicKey verifier =
                        KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
                return new Key(x, toBase64url(sha256(utf8(jwk))), verifier, members);
            } catch (GeneralSecurityException error) {
                throw new Invalid("a key");
            }
        }

        /** 6.2 The key of a file *.pub.pem. */
        static Key ofPem(String pem) {
            return orRefused(
                    "trusted-key-invalid",
                    () -> {
                        Matcher found = PEM.matcher(pem);
                        demand(found.find() && pem.split("-----BEGIN", -1).length == 2, "one key");
                        String base64 = found.group(1).replaceAll("\\s", "");
                        byte[] der = fromBase64url(base64.replace('+', '-').replace('/', '_'));
                        demand(Arrays.equals(Arrays.copyOf(der, 12), SPKI), "Ed25519");
                        return of(Arrays.copyOfRange(der, 12, der.length), Map.of());
                    });
        }

        boolean verifies(byte[] signature, byte[] data) {
            if (signature.length != 64) {
                return false; // the JDK does not ask
            }
            try {
                Signature check = Signature.getInstance("Ed25519");
                check.initVerify(verifier);
                check.update(data);
                return check.verify(signature);
            } catch (GeneralSecurityException error) {
                return false; // so says the JDK of a signature that is none
            }
        }

        boolean isRevoked() {
            return "revoked".equals(members.get("state"));
        }
    }

    // 5.1 Token.

    /** What a token says, verified and not yet parsed, and the key that signed it. */
    record Opened(Key key, byte[] payload) {}

    static Opened openToken(String token, String type, List<Key> keys) {
        return firstReading(token, reading -> openReading(reading, type, keys));
    }

    static Opened openReading(String token, String type, List<Key> keys) {
        String[] parts = token.split("\\.", -1);
        List<byte[]> decoded =
                orRefused(
                        "license-damaged",
                        () -> {
                            demand(parts.length == 3 && parts[2].length() == 86, "three parts");
                            return List.of(fromBase64url(parts[1]), fromBase64url(parts[2]));
                        });
        boolean damaged = false;
        for (Key key : keys) {
            String header =
                    "{\"alg\":\"Ed25519\",\"kid\":\"" + key.kid + "\",\"typ\":\"" + type + "\"}";
            if (toBase64url(utf8(header)).equals(parts[0])) {
                if (!key.verifies(decoded.get(1), utf8(parts[0] + "." + parts[1]))) {
                    throw new Refused("signature-invalid");
                }
                return new Opened(key, decoded.get(0));
            }
            damaged |= isDamaged(utf8(parts[0]), utf8(toBase64url(utf8(header))));
        }
        throw new Refused(damaged ? "license-damaged" : "signing-key-unknown");
    }

    /** Whether {@code header} is {@code trusted} but for one place of at most 4 bytes. */
    static boolean isDamaged(byte[] header, byte[] trusted) {
        int shorter = Math.min(header.length, trusted.length);
        int front = 0;
        while (front < shorter && header[front] == trusted[front]) front++;
        int back = 0;
        while (back < shorter - front
                && header[header.length - 1 - back] == trusted[trusted.length - 1 - back]) back++;
        return Math.max(header.length, trusted.length) - front - back <= 4;
    }

    /** A payload, and the kids of the keys that signed it. */
    record Signed(byte[] payload, Set<String> kids) {}

    /**
     * 6.2 The payloads that {@code keys} signed in {@code tokens}, in their order, by their text;
     * {@code why} has the last token that none signed.
     */
    static Map<String, Signed> signed(
            List<String> tokens, String type, List<Key> keys, List<Refused> why) {
        Map<String, Signed> found = new LinkedHashMap<>();
        for (String token : tokens) {
            try {
                Opened opened = openToken(token, type, keys);
                found.computeIfAbsent(
                                toBase64url(opened.payload),
                                text -> new Signed(opened.payload, new HashSet<>()))
                        .kids
                        .add(opened.key.kid);
            } catch (Refused error) {
                why.clear();
                why.add(error);
            }
        }
        return found;
    }

    // 5.2 Claims.

    static final Members VERSION = new Members().must("ver", INTEGER);
    static final Members MEANING = new Members().may("must_understand", NAMES);
    static final Members CLAIMS =
            new Members()
                    .must("iss", TEXT)
                    .must("sub", TEXT)
                    .must("aud", TEXT)
                    .must("jti", TEXT)
                    .must("iat", INSTANT)
                    .may("nbf", INSTANT)
                    .may("exp", INSTANT)
                    .must("host", OBJECT)
                    .may("edition", TEXT)
                    .may("features", NAMES)
                    .may("limits", NUMBERS)
                    .may("notify_from", INSTANT)
                    .may("grace_until", INSTANT)
                    .may("maintenance_until", INSTANT)
                    .may("replaces", TEXT);
    static final Members LICENSED_HOST =
            new Members()
                    .must("key", HOST_KEY)
                    .may("name", TEXT)
                    .must("profile", PROFILE)
                    .may("match", oneOf("exact", "anchored"))
                    .may("tags", TAGS)
                    .may("layer", TAG)
                    .may("return", OF_32_BYTES);

    static final long NEVER = Long.MAX_VALUE;

    /** The claims of a licence; an instant that is absent is {@code NEVER}. */
    record Claims(
            String sub,
            String aud,
            String jti,
            long iat,
            long nbf,
            long exp,
            long notifyFrom,
            long graceUntil,
            long maintenanceUntil,
            long gpus,
            String hostKey,
            String profile,
            boolean anchored,
            Map<String, Object> tags,
            String layer) {

        /** 4.6 Whether it was given back, or a later one of its product and customer. */
        boolean isIn(List<?> returned) {
            String holder = hex(sha256(utf8("hostseal returned\n" + aud + "\n" + sub)), 64);
            for (Object one : returned) {
                String[] line = ((String) one).split(" ");
                boolean isOf = line.length == 2 && line[0].equals(holder);
                if (one.equals(jti) || isOf && iat <= Long.parseLong(line[1])) {
                    return true;
                }
            }
            return false;
        }

        static Claims read(byte[] payload) {
            return orRefused("license-claims-invalid", () -> of(Json.parse(payload)));
        }

        private static Claims of(Object value) {
            if ((Long) VERSION.read(value).get("ver") != 1) {
                throw new Refused("license-unsupported");
            }
            Object needed = MEANING.read(value).getOrDefault("must_understand", List.of());
            if (!LATER.containsAll((List<?>) needed)) {
                throw new Refused("license-unsupported");
            }
            Map<String, Object> claims = CLAIMS.read(value);
            Map<String, Object> host = LICENSED_HOST.read(claims.get("host"));
            demandTags((String) host.get("profile"), mapOf(host.get("tags")));
            long iat = (Long) claims.get("iat");
            long nbf = number(claims, "nbf", iat);
            long exp = number(claims, "exp", NEVER);
            if (claims.containsKey("grace_until")) {
                demand((Long) claims.get("grace_until") >= exp, "grace_until");
            }
            demand(exp > nbf, "exp");
            return new Claims(
                    (String) claims.get("sub"),
                    (String) claims.get("aud"),
                    (String) claims.get("jti"),
                    iat,
                    nbf,
                    exp,
                    number(claims, "notify_from", NEVER),
                    number(claims, "grace_until", exp),
                    number(claims, "maintenance_until", NEVER),
                    number(mapOf(claims.get("limits")), "gpus", NEVER),
                    (String) host.get("key"),
                    (String) host.get("profile"),
                    "anchored".equals(host.get("match")),
                    mapOf(host.get("tags")),
                    (String) host.get("layer"));
        }

        /** 5.3 */
        String stateAt(long now) {
            if (now < nbf) {
                return "pending";
            }
            if (now < exp) {
                return exp != NEVER && notifyFrom <= now ? "notify" : "active";
            }
            return now < graceUntil ? "grace" : "expired";
        }

        boolean warnsAt(long now, long warnDays) {
            boolean soon = exp != NEVER && notifyFrom == NEVER && now >= exp - warnDays * DAY;
            return stateAt(now).equals("notify") || stateAt(now).equals("active") && soon;
        }
    }

    // 6 Keyset.

    static final Members KEYSET =
            new Members()
                    .must("iss", TEXT)
                    .must("version", POSITIVE)
                    .must("iat", INSTANT)
                    .may("exp", INSTANT)
                    .must("keys", value -> value instanceof List<?> keys && !keys.isEmpty());
    static final Members KEY =
            new Members()
                    .must("kty", oneOf("OKP"))
                    .must("crv", oneOf("Ed25519"))
                    .must("x", STRING)
                    .must("kid", STRING)
                    .must("alg", oneOf("Ed25519"))
                    .must("nbf", INSTANT)
                    .must("exp", INSTANT)
                    .must("state", oneOf("active", "retired", "revoked"))
                    .may("products", NAMES);

    record Keyset(long version, long iat, long exp, List<Key> keys) {

        private static Keyset read(byte[] payload) {
            Map<String, Object> members = KEYSET.read(Json.parse(payload));
            return new Keyset(
                    (Long) members.get("version"),
                    (Long) members.get("iat"),
                    number(members, "exp", NEVER),
                    keysOf(members, Verify.KEY));
        }

        /** 6.4 The keyset that counts: enough of {@code roots} signed it. */
        static Keyset choose(List<String> tokens, Roots roots) {
            if (tokens.isEmpty()) {
                throw new Refused("keyset-missing");
            }
            List<Refused> why = new ArrayList<>();
            Keyset best = null;
            Refused invalid = null;
            Map<String, Signed> found = signed(tokens, "license-keyset+jwt", roots.keys, why);
            for (Signed one : found.values()) {
                if (one.kids.size() < roots.threshold) {
                    continue;
                }
                try {
                    Keyset keyset = read(one.payload);
                    best = best == null || keyset.version > best.version ? keyset : best;
                } catch (Invalid error) {
                    invalid = new Refused("keyset-invalid", error);
                }
            }
            if (best != null) {
                return best;
            }
            if (invalid != null) {
                throw invalid;
            }
            boolean damaged = found.isEmpty() && why.get(0).slug.equals("license-damaged");
            throw new Refused(damaged ? "license-damaged" : "keyset-untrusted");
        }
    }

    /** The keys of a keyset or of roots, each once. */
    static List<Key> keysOf(Map<String, Object> document, Members members) {
        List<Key> keys = new ArrayList<>();
        Set<String> kids = new HashSet<>();
        for (Object value : (List<?>) document.get("keys")) {
            Map<String, Object> jwk = members.read(value);
            Key key = Key.of(fromBase64url((String) jwk.get("x")), jwk);
            demand(key.kid.equals(jwk.get("kid")) && kids.add(key.kid), "kid");
            keys.add(key);
        }
        return keys;
    }

    // 6.3 Roots.

    static final Members ROOTS =
            new Members()
                    .must("iss", TEXT)
                    .must("version", POSITIVE)
                    .must("iat", INSTANT)
                    .must("threshold", POSITIVE)
                    .must("keys", value -> value instanceof List<?> keys && !keys.isEmpty());
    static final Members ROOT =
            new Members()
                    .must("kty", oneOf("OKP"))
                    .must("crv", oneOf("Ed25519"))
                    .must("x", STRING)
                    .must("kid", STRING)
                    .must("alg", oneOf("Ed25519"));

    /** Root keys at one version, and how many of them must sign; version 0 is the product's. */
    record Roots(long version, long threshold, List<Key> keys) {

        private static Roots read(byte[] payload) {
            Map<String, Object> members = ROOTS.read(Json.parse(payload));
            List<Key> keys = keysOf(members, ROOT);
            long threshold = (Long) members.get("threshold");
            demand(threshold <= keys.size(), "threshold");
            return new Roots((Long) members.get("version"), threshold, keys);
        }

        private static Map<String, Signed> signedBy(List<Key> keys, List<String> tokens) {
            return signed(tokens, "license-roots+jwt", keys, new ArrayList<>());
        }

        /** 6.4 The version that follows on this one, or null. */
        private Roots next(List<String> tokens) {
            boolean later = false;
            for (Map.Entry<String, Signed> entry : signedBy(keys, tokens).entrySet()) {
                if (entry.getValue().kids.size() < threshold) {
                    continue;
                }
                Roots next = orRefused("roots-invalid", () -> read(entry.getValue().payload));
                later |= next.version > version + 1;
                if (next.version != version + 1) {
                    continue;
                }
                Signed own = signedBy(next.keys, tokens).get(entry.getKey());
                if (own == null || own.kids.size() < next.threshold) {
                    throw new Refused("roots-invalid");
                }
                return next;
            }
            if (later) {
                throw new Refused("roots-skipped");
            }
            return null;
        }

        /** 6.4 The last roots, from these on. */
        Roots follow(List<String> tokens) {
            Roots roots = this;
            for (Roots next = roots; next != null; next = roots.next(tokens)) {
                roots = next;
            }
            return roots;
        }
    }

    // 8 Revocations.

    static final int DIGEST = 12;
    static final Members LIST =
            new Members()
                    .must("iss", TEXT)
                    .must("number", POSITIVE)
                    .must("iat", INSTANT)
                    .may("exp", INSTANT)
                    .may("prefix", matching("[0-9a-f]{1,24}"))
                    .must("revoked", STRING);

    record Revocations(long number, long iat, long exp, String prefix, byte[] digests) {

        static Revocations open(String token, List<Key> keys) {
            List<Key> trusted = keys.stream().filter(key -> !key.isRevoked()).toList();
            try {
                Opened opened = openToken(token, "license-revocations+jwt", trusted);
                Map<String, Object> members = LIST.read(Json.parse(opened.payload));
                byte[] digests = fromBase64url((String) members.get("revoked"));
                demand(digests.length % DIGEST == 0, "the length of the list");
                return new Revocations(
                        (Long) members.get("number"),
                        (Long) members.get("iat"),
                        Verify.number(members, "exp", NEVER),
                        (String) members.getOrDefault("prefix", ""),
                        digests);
            } catch (Refused | Invalid error) {
                throw new Refused("revocations-invalid", error);
            }
        }

        /** The list in a file of its own. */
        static Revocations openFile(byte[] file, List<Key> keys) {
            List<Block> blocks = blocksOf(file, "revocations-invalid");
            List<String> tokens = tokensOf(blocks, "LICENSE REVOCATIONS");
            if (tokens.size() != 1) {
                throw new Refused("revocations-invalid");
            }
            return open(tokens.get(0), keys);
        }

        static byte[] digest(String jti) {
            return Arrays.copyOf(sha256(utf8(jti)), DIGEST);
        }

        boolean covers(String jti) {
            return HexFormat.of().formatHex(digest(jti)).startsWith(prefix);
        }

        boolean lists(String jti) {
            byte[] digest = digest(jti);
            for (int at = 0; at < digests.length; at += DIGEST) {
                if (Arrays.equals(digests, at, at + DIGEST, digest, 0, DIGEST)) {
                    return true;
                }
            }
            return false;
        }
    }

    // 7 Checking.

    static final long DAY = 86400;
    static final long TOLERANCE = 86400;

    /** 3.7 From when on licences are for hosts as version 2 has them. */
    static final long VERSION_2 = 1795910400;

    /** 7.1; {@code product} null: any; {@code releasedAt} 0: not said. */
    record Settings(String product, long warnDays, long releasedAt, long rootsNeeded) {}

    /** 7.3 What a client remembers; null stands for none. */
    record Memory(
            long seenAt,
            long licenseIat,
            String licenseJti,
            long rootsVersion,
            long keysetVersion,
            long revocationsNumber,
            String revocationsKid,
            List<?> returned) {

        /** 6.4 Whether this host has seen a higher trust. */
        boolean isAhead(Roots roots, Keyset keyset) {
            return roots.version == rootsVersion
                    ? keyset.version < keysetVersion
                    : roots.version < rootsVersion;
        }

        /** The mark, as far as it counts for this licence. */
        long markFor(Claims claims) {
            return claims.jti.equals(licenseJti) || claims.iat <= licenseIat ? seenAt : 0;
        }
    }

    /** Slugs: what is wrong, the primary problem first; what is to be said; why the host differs. */
    record Report(List<String> problems, List<String> notices, List<String> details) {

        static Report empty() {
            return new Report(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        }

        static Report of(Refused error) {
            return new Report(List.of(error.slug), List.of(), List.of());
        }

        void problem(String slug, boolean holds) {
            if (holds) {
                problems.add(slug);
            }
        }

        void notice(String slug, boolean holds) {
            if (holds) {
                notices.add(slug);
            }
        }
    }

    /** A licence that could be opened. */
    record License(Claims claims, Key key, Roots roots, Keyset keyset, List<String> lists) {

        /** 7.2 Opening; {@code known} are the blocks of what was learned. */
        static License open(byte[] file, Roots shipped, List<Block> known) {
            if (file.length > LARGEST_FILE) {
                throw new Refused("file-too-large");
            }
            List<Block> blocks = blocksOf(file, "license-damaged");
            List<String> tokens = tokensOf(blocks, "LICENSE");
            if (tokens.size() != 1) {
                throw new Refused(tokens.isEmpty() ? "license-block-missing" : "license-several");
            }
            List<Block> all = new ArrayList<>(known);
            all.addAll(blocks);
            Roots roots = shipped.follow(tokensOf(all, "LICENSE ROOTS"));
            Keyset keyset = Keyset.choose(tokensOf(all, "LICENSE KEYSET"), roots);
            Opened opened = openToken(tokens.get(0), "license+jwt", keyset.keys);
            return new License(
                    Claims.read(opened.payload),
                    opened.key,
                    roots,
                    keyset,
                    tokensOf(blocks, "LICENSE REVOCATIONS"));
        }
    }

    /** 6.4 The blocks of what was learned; null where one is cut off, or there is none. */
    static List<Block> readKnown(byte[] known) {
        if (known == null) {
            return List.of();
        }
        try {
            List<Block> blocks = blocksOf(known, "trust-invalid");
            return blocks.isEmpty() ? null : blocks;
        } catch (Refused error) {
            return null;
        }
    }

    /**
     * 7.2 Check the bytes of a licence file; {@code now} is in seconds since 1970, {@code known} is
     * license.trust. What is not there is null.
     */
    static Report check(
            byte[] file,
            List<Key> roots,
            Host host,
            long now,
            Settings settings,
            Memory memory,
            byte[] revocations,
            byte[] known) {
        try {
            List<Block> learned = readKnown(known);
            Roots shipped = new Roots(0, settings.rootsNeeded, roots);
            License license =
                    License.open(file, shipped, learned == null ? List.of() : learned);
            Report report = Report.empty();
            report.notice("trust-invalid", learned == null);
            long instant = Math.min(Math.max(now, 0), LAST_INSTANT);
            return judge(report, license, host, instant, settings, memory, revocations);
        } catch (Refused error) {
            return Report.of(error);
        }
    }

    /** 7.2 Judging. */
    static Report judge(
            Report report,
            License license,
            Host host,
            long now,
            Settings settings,
            Memory memory,
            byte[] revocations) {
        Claims claims = license.claims;
        Map<String, Object> key = license.key.members;
        String state = claims.stateAt(now);
        List<?> products = (List<?>) key.get("products");

        report.problem(
                "keyset-rolled-back",
                memory != null && memory.isAhead(license.roots, license.keyset));
        report.problem("signing-key-revoked", license.key.isRevoked());
        report.problem("signing-key-not-allowed", products != null && !products.contains(claims.aud));
        report.problem(
                "signing-key-not-allowed",
                claims.iat < (Long) key.get("nbf") || claims.iat >= (Long) key.get("exp"));
        report.problem("keyset-expired", claims.iat >= license.keyset.exp);
        List<Revocations> lists = lookUp(report, license, revocations);
        report.problem(
                "license-returned", memory != null && claims.isIn(memory.returned));
        judgeList(report, lists, claims, license.keyset.keys, now, memory);
        report.problem(
                "wrong-product", settings.product != null && !settings.product.equals(claims.aud));
        report.notice("product-unset", settings.product == null);
        String pinned = host.isPinnedValid() ? "pinned-address-differs" : "pinned-address-invalid";
        boolean hasAddress = Host.ofProfile(claims.profile).contains("ip");
        report.problem(pinned, hasAddress && !host.hasPinned());
        judgeHost(report, claims, host.asIssued(claims.iat));
        report.problem("gpus-not-licensed", host.gpus > claims.gpus);
        report.notice(
                "gpus-not-counted", host.gpus == Host.NOT_COUNTED && claims.gpus != NEVER);
        long seen = Math.max(claims.iat, license.keyset.iat);
        seen = Math.max(seen, memory == null ? 0 : memory.markFor(claims));
        seen = Math.max(seen, lists.stream().mapToLong(Revocations::iat).max().orElse(0));
        report.problem("clock-set-back", now < seen - TOLERANCE);
        report.problem("license-not-yet-valid", state.equals("pending"));
        report.problem("license-expired", state.equals("expired"));
        report.problem("maintenance-ended", settings.releasedAt > claims.maintenanceUntil);
        if (report.problems.isEmpty()) {
            report.notice("in-grace", state.equals("grace"));
            report.notice("expires-soon", claims.warnsAt(now, settings.warnDays));
            report.notice("container-as-machine", host.onceBare && claims.iat < VERSION_2);
        }
        return report;
    }

    /** 8.2 What is to be said of the list of the highest number. */
    static void judgeList(
            Report report,
            List<Revocations> lists,
            Claims claims,
            List<Key> keys,
            long now,
            Memory memory) {
        Revocations newest = new Revocations(0, 0, NEVER, "", new byte[0]);
        for (Revocations list : lists) {
            newest = list.number > newest.number ? list : newest;
        }
        report.notice(
                "revocations-of-others", newest.iat >= claims.iat && !newest.covers(claims.jti));
        report.notice("revocations-old", now >= newest.exp);
        boolean counts =
                memory != null
                        && keys.stream()
                                .anyMatch(
                                        key ->
                                                key.kid.equals(memory.revocationsKid)
                                                        && !key.isRevoked());
        report.notice(
                "revocations-dropped", counts && newest.number < memory.revocationsNumber);
    }

    static void judgeHost(Report report, Claims claims, Host host) {
        try {
            String key = host.key(claims.profile);
            if (!key.equals(claims.hostKey)) {
                if (host.formerIp != null
                        && host.former().key(claims.profile).equals(claims.hostKey)) {
                    report.notices.add("former-address");
                } else if (claims.profile.equals("hk1-site")
                        && host.sizeOfSite(claims.hostKey) > host.placeOnRoster()) {
                    report.notices.add("site-has-grown");
                } else if (claims.anchored && host.matchesAnchors(claims.profile, claims.tags)) {
                    report.notices.add("host-drifted");
                } else {
                    report.problems.add("wrong-host");
                    report.details.addAll(host.differences(claims.profile, claims.hostKey, claims.tags));
                    return;
                }
            }
        } catch (Refused error) {
            report.problems.add(error.slug);
            return;
        }
        if (host.isOfOtherLayer(claims.profile, claims.layer)) {
            report.problems.add("wrong-host");
            report.details.add("layer-differs");
        }
    }

    /** 8.2 The lists that could be opened. */
    static List<Revocations> lookUp(Report report, License license, byte[] beside) {
        List<Step<Revocations>> steps = new ArrayList<>();
        List<Key> keys = license.keyset.keys;
        if (!license.lists.isEmpty()) {
            steps.add(() -> Revocations.open(license.lists.get(0), keys));
        }
        if (beside != null) {
            steps.add(() -> Revocations.openFile(beside, keys));
        }
        List<Revocations> opened = new ArrayList<>();
        for (Step<Revocations> step : steps) {
            try {
                opened.add(step.run());
            } catch (Refused error) {
                report.problems.add(error.slug);
            }
        }
        boolean listed = opened.stream().anyMatch(list -> list.lists(license.claims.jti));
        report.problem("license-revoked", listed);
        return opened;
    }

    // 4.4 Request: what a vendor reads.

    static final Members REQUEST =
            new Members()
                    .must("ver", oneOf(1L))
                    .must("key", HOST_KEY)
                    .may("name", TEXT)
                    .may("profile", PROFILE)
                    .may("tags", TAGS)
                    .may("layer", TAG)
                    .may("return", OF_32_BYTES)
                    .may("machines", INTEGER)
                    .may("gpus", INTEGER)
                    .may("customer", TEXT)
                    .may("product", TEXT)
                    .may("replaces", TEXT)
                    .may("iat", INSTANT);
    static final Pattern NOT_PRINTED =
            Pattern.compile(
                    "[\\x00-\\x1f\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f"
                            + "\\u205f-\\u206f\\u3000\\x{d800}-\\x{f8ff}\\ufdd0-\\ufdef\\ufeff"
                            + "\\ufff9-\\ufffb\\ufffe\\uffff\\x{e0000}-\\x{10ffff}]");
    static final Pattern LETTER_OR_DIGIT =
            Pattern.compile(
                    "[0-9A-Za-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u1fff\\u2c00-\\u2dff\\u2e80-\\u2fff"
                            + "\\u3040-\\x{fdff}\\ufe70-\\ufeff\\x{10000}-\\x{1efff}"
                            + "\\x{1fb00}-\\x{10ffff}]");

    static Map<String, Object> openRequest(String token) {
        return orRefused("request-damaged", () -> firstReading(token, Verify::readRequest));
    }

    private static Map<String, Object> readRequest(String token) {
        String[] parts = token.split("\\.", -1);
        demand(parts.length == 2, "two parts");
        byte[] body = fromBase64url(parts[0]);
        demand(toBase64url(sha256(body)).substring(0, 8).equals(parts[1]), "check");
        Map<String, Object> request = REQUEST.read(Json.parse(body));
        request.putIfAbsent("profile", "hk1");
        demandTags((String) request.get("profile"), mapOf(request.get("tags")));
        return request;
    }

    /** The request in what an operator sent. */
    static Map<String, Object> parseRequest(String source) {
        if (source.codePointCount(0, source.length()) > LARGEST_FILE) {
            throw new Refused("request-unreadable");
        }
        List<Block> blocks = readBlocks(source, "request-damaged");
        List<Map<String, Object>> found = new ArrayList<>();
        tokensOf(blocks, "LICENSE REQUEST").forEach(token -> found.add(openRequest(token)));
        if (found.isEmpty()) {
            if (!tokensOf(blocks, "LICENSE").isEmpty()) {
                throw new Refused("request-unreadable");
            }
            return bareRequest(source);
        }
        if (found.stream().map(request -> request.get("key")).distinct().count() > 1) {
            throw new Refused("request-ambiguous");
        }
        return found.get(found.size() - 1);
    }

    // What people's programs make of a bare line, and how that is undone.

    static final Pattern OCTETS =
            Pattern.compile(
                    "(?:(?<![A-Za-z\\x{80}-\\x{10ffff}])|(?!=H{40}(?!H)))(?:=H{2})+|(?:%H{2})+"
                            .replace("H", "[0-9a-fA-F]"));
    static final Pattern IN_A_KEY_OR_NAME =
            Pattern.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1a\\x1c-\\x1f0-9A-Za-z\\x7f]");
    static final Pattern HTML_TAG =
            Pattern.compile(
                    "</?([A-Za-z][A-Za-z0-9:]{0,9})(?:[ \\t\\r\\n][^<>]*)?/?>"
                            + "|<(?:https?|mailto):[^<>]*>");
    static final Set<String> INLINE =
            Set.of(("a abbr b big code del em font i ins mark o:p s small span strong sub sup tt u wbr")
                            .split(" "));
    static final Pattern ENTITY =
            Pattern.compile("&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));");
    static final Map<String, String> ENTITIES =
            Map.of(
                    "amp", "&", "apos", "'", "gt", ">", "lt", "<", "nbsp", " ", "quot", "\"",
                    "ldquo", "\"", "rdquo", "\"", "lsquo", "'", "rsquo", "'");
    static final Pattern ESCAPE = Pattern.compile("\\\\([\"\\\\/bfnrt]|u001[bB])");
    static final Map<String, String> SIGNS =
            Map.of("u001b", "\u001b", "u001B", "\u001b", "b", " ", "f", "\n", "n", "\n", "r", "\n", "t", "\t");
    static final String TERMINAL =
            "\\x1b\\][^\\x07\\x1b\\n]*(?:\\x07|\\x1b\\\\)|(?:\\x1b|\\^\\[)\\[[0-9;?]*[@-~]"
                    + "|\\[[0-9]{1,3}(?:;[0-9]{1,3})*[mMK]";
    static final String UNSEEN =
            "[\\x00-\\x08\\x0e-\\x1b\\x7f\\xad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e"
                    + "\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\ufffc]";
    /** Pattern, and what each of its characters becomes; after full-width forms are in ASCII. */
    static final String[][] FOLDED = {
        {"[\\x1f\\xa0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]", " "},
        {"[\\u2010-\\u2013\\u2212\\ufe58\\ufe63]", "-"},
        {"[\\u3010\\u3014]", "["},
        {"[\\u3011\\u3015]", "]"},
        {"[\\u3002\\uff61]", "."},
        {"\\u3001", ","},
        {"['`*~\\xab\\xbb\\u2018-\\u201f\\u2032\\u2033\\u300c-\\u300f\\u301d-\\u301f]", "\""},
        {"[>|\\u2500-\\u257f]", " "},
        {"(?md)^[ \\t]*(?:[\":#%!\\u2022\\u2023\\u25aa\\xb7-]{1,9}(?=[ \\t])|\\+)", " "},
        {"(?i)\"{1,2}(?:hostname|profile|check)\"{1,2} ?:[ \\t\\n]{0,2}", ""},
        {"(?i),?[ \\t\\n]{0,2}(?:host[ _-]?name|\u4e3b\u673a\u540d|profile|check) ?[:=]", ","},
    };
    static final Pattern PIECES =
            Pattern.compile(
                    ("(?:\"|[\\[:] ?\"S+)(P)(?=\"|S+\"[,;\\])}])|\\[(P)(?=,[^\\[\\]]{0,300}\\])")
                            .replace("P", "H{1,39}(?:S+H{1,39}){1,3}")
                            .replace("S", "[ \\t\\n]")
                            .replace("H", "[0-9a-fA-F]"));

    private static String replaced(Pattern pattern, String text, Function<Matcher, String> by) {
        Matcher found = pattern.matcher(text);
        return found.replaceAll(it -> Matcher.quoteReplacement(by.apply(found)));
    }

    /** The text of octets that are neither of a key nor of a name; others as they are. */
    private static String octets(Matcher run) {
        byte[] bytes = HexFormat.of().parseHex(run.group().replaceAll("[=%]", ""));
        String decoded = new String(bytes, StandardCharsets.UTF_8);
        boolean isText = Arrays.equals(bytes, decoded.getBytes(StandardCharsets.UTF_8));
        return isText && !IN_A_KEY_OR_NAME.matcher(decoded).find() ? decoded : run.group();
    }

    private static String shown(Matcher tag) {
        String name = tag.group(1) == null ? "a" : lower(tag.group(1));
        return INLINE.contains(name) ? "" : name.equals("td") || name.equals("th") ? "\t" : "\n";
    }

    private static String character(Matcher entity) {
        if (entity.group(3) != null) {
            return ENTITIES.getOrDefault(entity.group(3), entity.group());
        }
        boolean isDecimal = entity.group(1) != null;
        int code = Integer.parseInt(entity.group(isDecimal ? 1 : 2), isDecimal ? 10 : 16);
        return isSurrogate(code) || code > 0x10ffff ? entity.group() : Character.toString(code);
    }

    private static String joined(Matcher pieces) {
        String written = pieces.group(pieces.group(1) == null ? 2 : 1);
        String digits = written.replaceAll("[ \\t\\n]", "");
        return digits.length() == 40 ? pieces.group().replace(written, digits) : pieces.group();
    }

    /** A text as it was written, as far as that can be told. */
    static String undamaged(String source) {
        String text = source.replaceAll("=[ \\t]*(?:\\r\\n?|\\n)", " \n");
        text = replaced(OCTETS, text, Verify::octets);
        text = replaced(HTML_TAG, text, Verify::shown);
        text = replaced(ENTITY, text, Verify::character);
        for (int level = 0; level < 3 && text.contains("\\\""); level++) {
            text = replaced(ESCAPE, text, it -> SIGNS.getOrDefault(it.group(1), it.group(1)));
        }
        text =
                ascii(
                        text.replaceAll("\\\\[nrt](?=[0-9a-fA-F]{40})", "\n")
                                .replaceAll("\\r\\n?|[\\x0b\\f\\x1c-\\x1e\\x85\\u2028\\u2029]", "\n")
                                .replaceAll(TERMINAL, "")
                                .replaceAll(UNSEEN, ""));
        for (String[] fold : FOLDED) {
            text = text.replaceAll(fold[0], fold[1]);
        }
        return replaced(PIECES, text, Verify::joined);
    }

    // The keys in such a text.

    static final Pattern WORD_OF_DIGITS =
            Pattern.compile(
                    "(?<![0-9A-Za-z/%-])(?<![\\x00-@\\[-`{-\\x7f]=)(?<!=H{2}=)(?<!\\A=)H{4,}(?![0-9A-Za-z-])"
                            .replace("H", "[0-9a-fA-F]"));

    /** A word of digits, where it ends, and what stands between it and the word before. */
    record Digits(String text, int end, String gap) {
        boolean isKey() {
            return text.length() == 40;
        }

        boolean isDecimal() {
            return text.matches("[0-9]*");
        }

        boolean isOnNextLine() {
            return gap.contains("\n");
        }
    }

    /** The words of digits that have nothing but white space between them. */
    private static List<List<Digits>> runsOf(String text) {
        List<List<Digits>> runs = new ArrayList<>();
        Matcher found = WORD_OF_DIGITS.matcher(text);
        int end = 0;
        while (found.find()) {
            int after = Math.min(text.length(), found.end() + 1);
            String around = text.substring(Math.max(0, found.start() - 1), after);
            if (found.group().length() != 40 && !around.matches("(?s)[\\x00-\\x7f]*")) {
                continue;
            }
            String gap = text.substring(end, found.start());
            if (runs.isEmpty() || !gap.matches("[ \\t\\n]*")) {
                runs.add(new ArrayList<>());
            }
            runs.get(runs.size() - 1).add(new Digits(found.group(), found.end(), gap));
            end = found.end();
        }
        return runs;
    }

    /** Whether the words of 40 digits in a run are keys, and no part of something longer. */
    private static boolean areKeys(List<Digits> run) {
        Digits named = null;
        for (int at = 1; at < run.size(); at++) {
            Digits former = run.get(at - 1);
            Digits word = run.get(at);
            Digits other = word.isKey() ? former : word;
            if (former.isKey() && word.text.length() == 12) {
                named = word;
            } else if (former.isKey() != word.isKey() && other != named && !isApart(other, word)) {
                return false;
            }
        }
        return true;
    }

    /** Whether one of two neighbours, of which *second* is the latter, is something of its own. */
    private static boolean isApart(Digits one, Digits second) {
        int length = one.text.length();
        if (one.isDecimal()) {
            boolean isShort = !second.isOnNextLine() && (one != second || length <= 7);
            return length <= 15 && (length >= 10 || isShort);
        }
        return one.text.matches("[a-fA-F]{1,7}");
    }

    private static boolean areGroups(List<Digits> run) {
        String all = run.stream().map(Digits::text).collect(Collectors.joining());
        int size = run.get(0).text.length();
        Digits last = run.get(run.size() - 1);
        boolean isEven =
                run.subList(0, run.size() - 1).stream().allMatch(it -> it.text.length() == size);
        if (all.length() != 40 || run.size() < 3 || !isEven || last.text.length() > size) {
            return false;
        }
        if (last.text.length() < size && last.isDecimal()) {
            return false;
        }
        Set<String> gaps = new HashSet<>();
        List<Integer> lines = new ArrayList<>(List.of(1));
        for (Digits word : run.subList(1, run.size())) {
            if (word.isOnNextLine()) {
                lines.add(1);
            } else {
                gaps.add(word.gap);
                lines.set(lines.size() - 1, lines.get(lines.size() - 1) + 1);
            }
        }
        boolean isEvenlySpaced = gaps.size() <= 1 && new HashSet<>(lines).size() == 1;
        return isEvenlySpaced && all.matches("(?=.*[a-f])(?=.*[0-9])[0-9a-f]*");
    }

    // What follows a key.

    static final String CODE = "ghjkmnpqrstvwxyz";
    static final String CHECK = "check[ \\t\\n]+[" + CODE + "]{6}";
    static final Pattern CHECK_ALONE =
            Pattern.compile("(?i)[ \\t\\n]*" + CHECK + "[ \\t\\n]*");
    static final Pattern ELEMENT =
            Pattern.compile(
                    "(?i)[\" \\t\\n]*+(?:[,;][ \\t\\n]*+\"++([^\"]{1,80})\""
                            + ("|[,;]?+[\" \\t\\n]*+(hk1-(?:host|cluster|site)|" + CHECK + ")(?![0-9A-Za-z_-]))"));
    static final Pattern NAME_AFTER =
            Pattern.compile(
                    "([\" \\t\\n]*+[,;]?+[ \\t\\n]*+)"
                            + "(?:\"++([^\"]{1,2000})\"(?=[ \\t\\n\"\\\\,;()\\[\\]{}]|\\z)"
                            + "|([^ \\t\\n\",;()\\[\\]{}]{1,2000}+))");
    static final Pattern LINE_ENDS = Pattern.compile(" *(?:[\\t\\n\",;()\\[\\]{}]|\\z)");
    static final Pattern BRACKET_CLOSES = Pattern.compile(" *[\\])}]");

    /** A word after a key and its name, or an empty one, and what follows it. */
    record Element(String word, String rest) {}

    private static Element elementOf(String source) {
        Matcher found = ELEMENT.matcher(source);
        if (!found.lookingAt()) {
            return new Element("", source);
        }
        String word = found.group(1) != null ? found.group(1) : found.group(2);
        return new Element(lower(unspaced(word)), source.substring(found.end()));
    }

    private static String unspaced(String text) {
        return text.replaceAll("[ \\t\\n]", "");
    }

    /** What follows a key: its name, or an empty word, and what follows the name. */
    private static Element nameAfter(String source) {
        Element none = new Element("", source);
        Matcher found = NAME_AFTER.matcher(source);
        if (!found.lookingAt()) {
            return none;
        }
        String gap = found.group(1);
        if (!gap.matches("(?s).*[,;].*") && gap.chars().filter(sign -> sign == '\n').count() > 1) {
            return none;
        }
        String rest = source.substring(found.end());
        String plain = found.group(3);
        if (plain == null) {
            boolean isCheck = CHECK_ALONE.matcher(found.group(2)).matches();
            return isCheck ? none : new Element(hostnameOf(found.group(2)), rest);
        }
        if (lower(plain).equals("null")) {
            return new Element("", rest);
        }
        String next = elementOf(rest).word;
        boolean isBeforeElement =
                (isOtherProfile(next) || next.matches("(?s)check.+"))
                        && !lower(plain).equals("check")
                        && !PROFILES.containsKey(lower(plain));
        boolean isName = isBeforeElement || isHostname(plain, gap, rest);
        return isName ? new Element(hostnameOf(plain), rest) : none;
    }

    private static boolean isOtherProfile(String word) {
        return PROFILES.containsKey(word) && !word.equals("hk1");
    }

    private static boolean isHostname(String plain, String gap, String rest) {
        if (!plain.matches("(?=.*[A-Za-z])[0-9A-Za-z][0-9A-Za-z._-]*")) {
            return false;
        }
        if (!plain.endsWith(".") && !LINE_ENDS.matcher(rest).lookingAt()) {
            return false;
        }
        boolean isColumn = gap.contains("\t") || BRACKET_CLOSES.matcher(rest).lookingAt();
        return (isColumn || plain.matches(".*[0-9_-].*")) && plain.length() != 40;
    }

    /** A hostname as it stood; an empty one where it can be none. */
    private static String hostnameOf(String source) {
        String name = unspaced(source).replaceAll("\\\\+[uU](?=[0-9a-fA-F]{4})", "\\\\u");
        try {
            name = new Json("\"" + name + "\"").characters();
        } catch (Invalid error) {
            // it has no escapes of JSON: it stands for itself
        }
        name = lower(name).replaceAll("\\.+\\z", "");
        int most = Math.min(200, name.codePointCount(0, name.length()));
        name = name.substring(0, name.offsetByCodePoints(0, most));
        boolean isNone = NOT_PRINTED.matcher(name).find() || !LETTER_OR_DIGIT.matcher(name).find();
        return isNone ? "" : name;
    }

    private static String checkCode(String key, String name, String profile) {
        long sum = 0;
        for (int sign : (key + "\n" + name + "\n" + profile).codePoints().toArray()) {
            sum = (sum * 1000003 + sign) % 16777213;
        }
        StringBuilder code = new StringBuilder();
        for (int bits = 20; bits >= 0; bits -= 4) {
            code.append(CODE.charAt((int) (sum >> bits & 15)));
        }
        return code.toString();
    }

    /** The request of a key and what stands after it. */
    private static Map<String, Object> bareLine(String digits, String source) {
        Element name = nameAfter(source.replaceAll("\\A_+", ""));
        String profile = "hk1";
        String check = null;
        Element next = name;
        for (int count = 0; count < 3; count++) {
            next = elementOf(next.rest);
            if (PROFILES.containsKey(next.word)) {
                profile = next.word;
            } else if (next.word.matches("(?s)check.+")) {
                check = next.word.substring(5);
            }
        }
        String key = lower(digits);
        if (check != null && !check.equals(checkCode(key, name.word, profile))) {
            throw new Refused("request-damaged");
        }
        Map<String, Object> request = new LinkedHashMap<>(Map.of("ver", 1L, "key", key));
        request.put("profile", profile);
        if (!name.word.isEmpty()) {
            request.put("name", name.word);
        }
        return request;
    }

    /** The request in the bare lines of a text. */
    static Map<String, Object> bareRequest(String source) {
        String text = undamaged(source);
        Set<String> keys = new HashSet<>();
        List<Map<String, Object>> found = new ArrayList<>();
        for (List<Digits> run : runsOf(text)) {
            List<Digits> whole = run.stream().filter(Digits::isKey).toList();
            boolean areKeys = areKeys(run);
            for (Digits word : whole) {
                keys.add(lower(word.text));
                if (areKeys) {
                    found.add(bareLine(word.text, text.substring(word.end)));
                }
            }
            if (whole.isEmpty() && areGroups(run)) {
                String key = run.stream().map(Digits::text).collect(Collectors.joining());
                keys.add(key);
                found.add(bareLine(key, text.substring(run.get(run.size() - 1).end)));
            }
        }
        if (found.isEmpty()) {
            throw new Refused("request-unreadable");
        }
        if (keys.size() > 1) {
            throw new Refused("request-ambiguous");
        }
        Map<String, Object> request = found.get(0);
        for (Map<String, Object> other : found) {
            if (other.containsKey("name")) {
                request.put("name", other.get("name"));
            }
            if (!other.get("profile").equals("hk1")) {
                request.put("profile", other.get("profile"));
            }
        }
        return request;
    }

    /** Full-width forms in ASCII. */
    private static String ascii(String text) {
        return text.codePoints()
                .map(sign -> sign >= 0xff01 && sign <= 0xff5e ? sign - 0xfee0 : sign)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /** A to Z in lower case, and no other letter. */
    private static String lower(String text) {
        return text.codePoints()
                .map(sign -> sign >= 'A' && sign <= 'Z' ? sign + 32 : sign)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    // What follows is only for the vectors of tests/vectors/: `java Verify.java ROOT.pub.pem <PATHS`
    // prints a line of JSON for each path.

    /** The exit codes of section 9.1 that the vectors need. */
    static final Map<String, Integer> EXIT_CODES =
            Map.ofEntries(
                    Map.entry("file-too-large", 12),
                    Map.entry("license-block-missing", 13),
                    Map.entry("license-damaged", 14),
                    Map.entry("license-several", 15),
                    Map.entry("license-claims-invalid", 16),
                    Map.entry("license-unsupported", 17),
                    Map.entry("revocations-invalid", 19),
                    Map.entry("keyset-missing", 22),
                    Map.entry("keyset-untrusted", 23),
                    Map.entry("keyset-invalid", 24),
                    Map.entry("keyset-expired", 25),
                    Map.entry("signing-key-unknown", 26),
                    Map.entry("signature-invalid", 27),
                    Map.entry("signing-key-revoked", 28),
                    Map.entry("signing-key-not-allowed", 29),
                    Map.entry("trusted-key-invalid", 21),
                    Map.entry("wrong-host", 30),
                    Map.entry("wrong-product", 31),
                    Map.entry("host-unidentifiable", 32),
                    Map.entry("host-machine-id-not-bound", 33),
                    Map.entry("host-cluster-unknown", 48),
                    Map.entry("host-site-unknown", 49),
                    Map.entry("host-not-in-site", 53),
                    Map.entry("pinned-address-differs", 34),
                    Map.entry("gpus-not-licensed", 35),
                    Map.entry("keyset-rolled-back", 37),
                    Map.entry("roots-invalid", 38),
                    Map.entry("roots-skipped", 39),
                    Map.entry("license-expired", 40),
                    Map.entry("license-not-yet-valid", 41),
                    Map.entry("clock-set-back", 42),
                    Map.entry("license-revoked", 43),
                    Map.entry("license-returned", 55),
                    Map.entry("maintenance-ended", 44),
                    Map.entry("pinned-address-invalid", 46),
                    Map.entry("request-unreadable", 50),
                    Map.entry("request-damaged", 51),
                    Map.entry("request-ambiguous", 52));

    /** A file of tests/vectors/, as its README describes it. */
    record Vector(Map<String, String> lines, byte[] body) {

        static Vector read(byte[] bytes) {
            int gap = 0;
            while (bytes[gap] != '\n' || bytes[gap + 1] != '\n') {
                gap++;
            }
            Map<String, String> lines = new HashMap<>();
            for (String line : new String(bytes, 0, gap, UTF_8).split("\n")) {
                String[] parts = line.split(": ", 2);
                lines.put(parts[0], parts[1]);
            }
            return new Vector(lines, Arrays.copyOfRange(bytes, gap + 2, bytes.length));
        }

        Map<String, Object> json(String name) {
            return mapOf(lines.containsKey(name) ? Json.parse(utf8(lines.get(name))) : null);
        }

        static Host host(Map<String, Object> members) {
            Map<String, String> components = new HashMap<>();
            for (List<String> names : PROFILES.values()) {
                names.forEach(name -> components.put(name, (String) members.get(name)));
            }
            return new Host(
                    components,
                    (String) members.get("engine"),
                    Boolean.TRUE.equals(members.get("machine_id_bound")),
                    (String) members.get("pinned_ip"),
                    (String) members.get("former_ip"),
                    members.containsKey("gpus") && members.get("gpus") == null
                            ? Host.NOT_COUNTED
                            : number(members, "gpus", 0),
                    Boolean.TRUE.equals(members.get("once_bare")),
                    Boolean.TRUE.equals(members.get("once_bound")),
                    Boolean.TRUE.equals(members.get("machine_id_of_image")),
                    (String) members.get("layer"));
        }

        byte[] beside(String name) {
            return lines.containsKey(name) ? Base64.getDecoder().decode(lines.get(name)) : null;
        }

        /** A number of seconds of any length. */
        static long instant(String digits) {
            BigInteger last = BigInteger.valueOf(LAST_INSTANT);
            return new BigInteger(digits).min(last).max(BigInteger.ZERO).longValue();
        }

        /** The keys of the line, else the one of root.pub.pem. */
        List<Key> roots(List<Key> usual) {
            if (!lines.containsKey("roots")) {
                return usual;
            }
            List<?> found = (List<?>) Json.parse(utf8(lines.get("roots")));
            return found.stream()
                    .map(x -> trustedKey((String) x))
                    .toList();
        }

        Report check(List<Key> usual) {
            Map<String, Object> settings = json("settings");
            Map<String, Object> memory = json("memory");
            return Verify.check(
                    body,
                    roots(usual),
                    host(json("host")),
                    instant(lines.get("now")),
                    new Settings(
                            (String) settings.get("product"),
                            number(settings, "warn_days", 30),
                            number(settings, "released_at", 0),
                            number(settings, "roots_needed", 1)),
                    memory.isEmpty()
                            ? null
                            : new Memory(
                                    number(memory, "seen_at", 0),
                                    number(memory, "license_iat", 0),
                                    (String) memory.get("license_jti"),
                                    number(memory, "roots_version", 0),
                                    number(memory, "keyset_version", 0),
                                    number(memory, "revocations_number", 0),
                                    (String) memory.get("revocations_kid"),
                                    (List<?>) memory.getOrDefault("returned", List.of())),
                    beside("revocations"),
                    beside("known"));
        }

        static Key trustedKey(String x) {
            return orRefused("trusted-key-invalid", () -> Key.of(fromBase64url(x), Map.of()));
        }

        static boolean isSignature(Key key, String signature, byte[] data) {
            try {
                return key.verifies(fromBase64url(signature), data);
            } catch (Invalid error) {
                return false;
            }
        }

        /** What is found beside problems and notices. */
        Map<String, Object> answer() {
            String text = new String(body, UTF_8);
            switch (lines.get("kind")) {
                case "host":
                    Host host = host(mapOf(Json.parse(body)));
                    String profile = lines.get("profile");
                    return Map.of("key", host.key(profile), "tags", host.tags(profile));
                case "text":
                    return Map.of("request", parseRequest(text));
                case "thumbprint":
                    String x = (String) mapOf(Json.parse(body)).get("x");
                    return Map.of("kid", trustedKey(x).kid);
                case "signature":
                    Key key = trustedKey(lines.get("x"));
                    return Map.of("holds", isSignature(key, lines.get("signature"), body));
                default:
                    throw new IllegalArgumentException(lines.get("kind"));
            }
        }
    }

    static String line(Vector vector, List<Key> roots) {
        Map<String, Object> found = new LinkedHashMap<>();
        Report report = Report.empty();
        try {
            if (vector.lines.get("kind").equals("license")) {
                report = vector.check(roots);
            } else {
                found.putAll(vector.answer());
            }
        } catch (Refused error) {
            report = Report.of(error);
        }
        found.put("problems", report.problems);
        found.put("notices", report.notices);
        found.put("details", report.details);
        found.put(
                "exit_code", report.problems.isEmpty() ? 0 : EXIT_CODES.get(report.problems.get(0)));
        return write(found);
    }

    /** JSON, with what is not ASCII escaped. */
    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> write(entry.getKey()) + ":" + write(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof Collection<?> items) {
            return items.stream().map(Verify::write).collect(Collectors.joining(",", "[", "]"));
        }
        if (value instanceof String text) {
            return text.chars()
                    .mapToObj(
                            sign ->
                                    sign < ' ' || sign > '~' || sign == '"' || sign == '\\'
                                            ? String.format("\\u%04x", sign)
                                            : String.valueOf((char) sign))
                    .collect(Collectors.joining("", "\"", "\""));
        }
        return String.valueOf(value);
    }

    public static void main(String[] arguments) throws IOException {
        List<Key> roots = List.of(Key.ofPem(Files.readString(Path.of(arguments[0]))));
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            System.out.println(line(Vector.read(Files.readAllBytes(Path.of(path))), roots));
            System.out.flush();
        }
    }
}
