using System.Text.Json;
using OllamaProxy.Application.Redaction;

namespace OllamaProxy.UnitTests.Redaction;

public sealed class RedactorTests
{
    [Theory]
    [InlineData("Write to jane.doe+x@mail.example.co.uk, please.", "Write to [redacted:email], please.")]
    [InlineData("<jürgen@müller.example>; a_b@x-y.org.", "<[redacted:email]>; [redacted:email].")]
    [InlineData("{\"to\":\"jane@example.com\"}", "{\"to\":\"[redacted:email]\"}")]
    [InlineData("a@b, @user and user@localhost are none", "a@b, @user and user@localhost are none")]
    public void Email_addresses_are_found(string text, string expected) => Assert.Equal(expected, Redactors.Of("email").Redact(text));

    [Theory]
    [InlineData("4111111111111111", "[redacted:card]")]
    [InlineData("pay with 4111 1111 1111 1111 now", "pay with [redacted:card] now")]
    [InlineData("5500-0000-0000-0004, 3400 000000 00009", "[redacted:card], [redacted:card]")]
    [InlineData("order 12 4111 1111 1111 1111", "order 12 [redacted:card]")]
    [InlineData("４１１１１１１１１１１１１１１１", "[redacted:card]")]
    [InlineData("4111111111111112", "4111111111111112")]
    [InlineData("94111111111111111", "94111111111111111")]
    [InlineData("1724234567890123 and 20260821100000", "1724234567890123 and 20260821100000")]
    public void Card_numbers_are_found_by_their_check_digit(string text, string expected) => Assert.Equal(expected, Redactors.Of("card").Redact(text));

    [Theory]
    [InlineData("Call +49 (0)151 234-56789!", "Call [redacted:phone]!")]
    [InlineData("tel:+14155552671", "tel:[redacted:phone]")]
    [InlineData("0044 20 7946 0958", "[redacted:phone]")]
    [InlineData("(0151) 23456789 or 030/1234567", "[redacted:phone] or [redacted:phone]")]
    [InlineData("06 12 34 56 78", "[redacted:phone]")]
    [InlineData("02 9876 5432", "[redacted:phone]")]
    [InlineData("015123456789", "[redacted:phone]")]
    [InlineData("(555) 123-4567, 555-123-4567", "[redacted:phone], [redacted:phone]")]
    [InlineData("on 01.02.2026 12:30, 2026-08-21, 192.168.100.200:11434", "on 01.02.2026 12:30, 2026-08-21, 192.168.100.200:11434")]
    [InlineData("1724234567 seconds, 3.14159265358979, v0.32.15", "1724234567 seconds, 3.14159265358979, v0.32.15")]
    public void Phone_numbers_are_found_in_the_usual_notations(string text, string expected) => Assert.Equal(expected, Redactors.Of("phone").Redact(text));

    [Theory]
    [InlineData("sk-proj-abcdefghij0123456789")]
    [InlineData("sk-ant-api03-abcdefghij0123456789_-AA")]
    [InlineData("ghp_abcdefghijklmnopqrstuvwxyz0123456789")]
    [InlineData("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz")]
    [InlineData("glpat-abcdefghij0123456789")]
    [InlineData("AKIAIOSFODNN7EXAMPLE")]
    [InlineData("xoxb-123456789012-abcdefghij")]
    [InlineData("hf_abcdefghijklmnopqrstuvwxyz")]
    [InlineData("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U")]
    [InlineData("Bearer abc123def456")]
    [InlineData("authorization: Basic dXNlcjpwYXNzd29yZA==")]
    [InlineData("api_key=\"0123456789abcdef")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nMIIEow and the end is missing")]
    [InlineData("postgres://admin:hunter2@")]
    public void Keys_and_tokens_are_found(string key)
    {
        var redactor = Redactors.Of("key");

        Assert.Equal("[redacted:key]", redactor.Redact(key));
        Assert.Equal("export X=[redacted:key]", redactor.Redact($"export X={key}"));
        Assert.DoesNotContain(key[..12], redactor.Redact($"line\\n{key}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a task-force-for-something-important")]
    [InlineData("the bearer of responsibilities")]
    [InlineData("api_key = read_the_setting")]
    [InlineData("npm install some-package-with-a-long-name")]
    [InlineData("http://localhost:11434/api/tags")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void Text_that_only_resembles_a_key_is_kept(string text) => Assert.Equal(text, Redactors.Of("key").Redact(text));

    [Fact]
    public void Nothing_is_redacted_unless_configured()
    {
        Assert.False(Redactors.Of().IsOn);
        Assert.Equal("jane@example.com", Redactors.Of().Redact("jane@example.com"));
        Assert.Equal("jane@example.com", Redactors.Of("card", "phone", "key").Redact("jane@example.com"));
    }

    [Fact]
    public void Custom_patterns_match_beside_the_built_in_ones() =>
        Assert.Equal(
            "[redacted:pattern] to [redacted:email]",
            Redactors.With(new() { Redact = ["email"], RedactPatterns = ["(?i)project \\w+", "never"] }).Redact("Project Nightjar to a.b@example.com"));

    [Theory]
    [InlineData("(?<=PIN )\\d+", "PIN 1234", "PIN [redacted:pattern]")]
    [InlineData("(\\w)\\1", "book", "b[redacted:pattern]k")]
    [InlineData("password: .*", "password: x mail@example.com", "[redacted:pattern]")]
    [InlineData("a*", "bab", "b[redacted:pattern]b")]
    [InlineData("^.", "abc", "[redacted:pattern]bc")]
    [InlineData("redacted", "redacted", "[redacted:pattern]")]
    public void A_custom_pattern_may_use_every_regex_feature(string pattern, string text, string expected) =>
        Assert.Equal(expected, Redactors.With(new() { Redact = ["email"], RedactPatterns = [pattern] }).Redact(text));

    [Fact]
    public void Overlapping_matches_become_one() =>
        Assert.Equal("x [redacted:email]",
            Redactors.With(new() { Redact = ["email"], RedactPatterns = ["com y?", "example\\.c"] }).Redact("x jane@example.com y"));

    [Fact]
    public void A_redaction_label_in_the_text_hides_nothing() =>
        Assert.Equal("[redacted:pattern]", Redactors.Own("password: .*").Redact("password: [redacted:email] hunter2"));

    [Fact]
    public void A_text_that_takes_too_long_is_withheld_and_logged_once()
    {
        var log = new Redactors();
        // The look-ahead requires the backtracking engine.
        var redactor = log.Impatient("(?=x)(x+x+)+y");
        var text = "secret " + new string('x', 200);

        Assert.Equal(Redactor.Withheld, redactor.Redact(text));
        Assert.Equal(Redactor.Withheld, redactor.Redact(text));
        Assert.Equal(Redactor.Withheld, redactor.Redact(Redactor.Withheld));
        Assert.Equal("pattern 1 of ANALYTICS_REDACT_PATTERNS took longer than 20 ms to search a text. Such texts are withheld from the records. This is logged once.", Assert.Single(log.Lines));
    }

    [Fact]
    public void A_pattern_prone_to_backtracking_is_searched_in_linear_time() =>
        Assert.Equal("secret " + new string('x', 60_000), Redactors.Own("(x+x+)+y").Redact("secret " + new string('x', 60_000)));

    [Fact]
    public void A_text_is_withheld_when_a_pattern_keeps_matching_its_own_replacement() =>
        Assert.Equal(Redactor.Withheld, Redactors.Own("\\Wo").Redact(" " + new string('o', 100)));

    [Fact]
    public void Json_stays_valid_and_escapes_hide_nothing()
    {
        const string Json =
            """[{"name":"send","arguments":{"to":"a\u0040example.com","at":4111111111111111"""
            + ""","note":"first\nsk-abcdefghij0123456789","n":1.50,"x@example.com":null,"ok":true}}]""";

        var redacted = Redactors.Of("email", "card", "key").RedactJson(Json);

        Assert.Equal(
            """[{"name":"send","arguments":{"to":"[redacted:email]","at":"[redacted:card]","note":"first"""
            + """\n[redacted:key]","n":1.50,"[redacted:email]":null,"ok":true}}]""",
            redacted);
        using var _ = JsonDocument.Parse(redacted);
    }

    [Theory]
    [InlineData("[{\"name\": \"a\",  \"arguments\": {\"b\": \"caf\\u00e9 <&>\"}}]")]
    [InlineData("[]")]
    public void Json_without_matches_is_unchanged(string json) => Assert.Same(json, Redactors.Of("email").RedactJson(json));

    [Theory]
    [InlineData("[{\"a\":\"jane@example.com", "[{\"a\":\"[redacted:email]")]
    [InlineData("[\"\\ud800 jane@example.com\"]", "[\"\\ud800 [redacted:email]\"]")]
    public void Invalid_json_is_redacted_as_text(string json, string expected) => Assert.Equal(expected, Redactors.Of("email").RedactJson(json));

    [Fact]
    public void Custom_patterns_also_match_the_json() =>
        Assert.Equal("[{\"name\":\"f\",\"arguments\":{[redacted:pattern]}}]",
            Redactors.Own("\"password\":\"[^\"]*\"").RedactJson("[{\"name\":\"f\",\"arguments\":{\"password\":\"x\"}}]"));
}
