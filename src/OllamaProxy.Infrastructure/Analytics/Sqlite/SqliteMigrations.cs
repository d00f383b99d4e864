namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>How a file came from each version to the next. What was released is never changed again: the next change is the next entry.</summary>
internal static class SqliteMigrations
{
    /// <summary>
    /// Each entry brings the file from the version of its position to the next. Durations and times are whole microseconds, so that ranges and retention
    /// compare numbers.
    /// </summary>
    public static IReadOnlyList<string> All { get; } = [First, Second, Third, Fourth, Fifth, Sixth];

    private const string First =
        """
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY,
            request_id TEXT NOT NULL,
            timestamp_us INTEGER NOT NULL,
            model TEXT,
            endpoint TEXT NOT NULL,
            method TEXT NOT NULL,
            category TEXT NOT NULL,
            prompt TEXT,
            system TEXT,
            response TEXT,
            thinking TEXT,
            tool_calls TEXT,
            latency_us INTEGER NOT NULL,
            time_to_first_token_us INTEGER,
            time_to_headers_us INTEGER,
            mean_gap_us INTEGER,
            longest_gap_us INTEGER,
            input_tokens INTEGER,
            cached_input_tokens INTEGER,
            output_tokens INTEGER,
            tokens_estimated INTEGER NOT NULL,
            tokens_per_second REAL,
            total_duration_us INTEGER,
            load_duration_us INTEGER,
            prompt_eval_duration_us INTEGER,
            eval_duration_us INTEGER,
            queue_time_us INTEGER,
            status_code INTEGER,
            status TEXT NOT NULL,
            outcome TEXT NOT NULL,
            error TEXT,
            finish_reason TEXT,
            stream INTEGER,
            client_ip TEXT,
            user_agent TEXT,
            request_bytes INTEGER NOT NULL,
            response_bytes INTEGER NOT NULL,
            message_count INTEGER,
            image_count INTEGER,
            tool_count INTEGER,
            context_length INTEGER,
            temperature REAL,
            is_inference INTEGER NOT NULL
        ) STRICT;

        -- Newest first and ranges of time (SqliteQueries.Select), the purge, the oldest and the newest of the statistics.
        CREATE INDEX requests_by_time ON requests (timestamp_us);

        -- Newest first of one model (SqliteQueries.Select with a model).
        CREATE INDEX requests_by_model ON requests (model, timestamp_us);
        """;

    /// <summary>
    /// What a text index and the hourly sums of the rows already there would be takes minutes for millions: they are marked as stale, which makes readers look at
    /// the rows instead, and are made up for in small pieces while the program runs.
    /// </summary>
    private const string Second =
        """
        ALTER TABLE requests ADD COLUMN load_cause TEXT;
        ALTER TABLE requests ADD COLUMN connect_time_us INTEGER;
        ALTER TABLE requests ADD COLUMN engine_wait_us INTEGER;
        ALTER TABLE requests ADD COLUMN decode_time_us INTEGER;
        ALTER TABLE requests ADD COLUMN back_pressure_us INTEGER;
        ALTER TABLE requests ADD COLUMN prompt_tokens_per_second REAL;
        ALTER TABLE requests ADD COLUMN error_type TEXT;
        ALTER TABLE requests ADD COLUMN truncation TEXT;
        ALTER TABLE requests ADD COLUMN application TEXT;
        ALTER TABLE requests ADD COLUMN target TEXT;
        ALTER TABLE requests ADD COLUMN max_tokens INTEGER;
        ALTER TABLE requests ADD COLUMN keep_alive TEXT;
        ALTER TABLE requests ADD COLUMN tool_call_count INTEGER;

        -- Newest first of one client; what a person asks to be forgotten.
        CREATE INDEX requests_by_client ON requests (client_ip, timestamp_us);

        -- The few that went wrong, newest first.
        CREATE INDEX requests_unsuccessful ON requests (timestamp_us) WHERE status <> 'success';

        -- The other orders of a search, both ways (SqliteQueries.Page); those whose value may be unknown find the unknown ones here too.
        CREATE INDEX requests_by_latency ON requests (latency_us);
        CREATE INDEX requests_by_first_token ON requests (time_to_first_token_us);
        CREATE INDEX requests_by_input_tokens ON requests (input_tokens);
        CREATE INDEX requests_by_output_tokens ON requests (output_tokens);
        CREATE INDEX requests_by_speed ON requests (tokens_per_second);

        -- Whose texts are to be removed (SqliteQueries.OldTexts): without it every retention would look at all records whose texts went long ago.
        CREATE INDEX requests_with_text ON requests (timestamp_us)
            WHERE prompt IS NOT NULL OR system IS NOT NULL OR response IS NOT NULL OR thinking IS NOT NULL OR tool_calls IS NOT NULL;

        -- The highest position ever given, kept when its record goes: none is given twice.
        CREATE TABLE positions (last INTEGER NOT NULL) STRICT;
        INSERT INTO positions SELECT COALESCE(MAX(id), 0) FROM requests;

        -- Sums of the requests of an hour since the epoch that have the same labels (StatLabels, StatSums).
        CREATE TABLE rollups (
            hour INTEGER NOT NULL,
            labels BLOB NOT NULL,
            sums BLOB NOT NULL,
            PRIMARY KEY (hour, labels)
        ) STRICT, WITHOUT ROWID;

        -- Sums of the requests of a closed hour by one label at a time, which are few however many combinations of labels there are (SqliteRollups.Total).
        CREATE TABLE totals (
            hour INTEGER NOT NULL,
            label BLOB NOT NULL,
            sums BLOB NOT NULL,
            PRIMARY KEY (hour, label)
        ) STRICT, WITHOUT ROWID;

        -- Hours with records. 0: stale, without rollups, its rows are to be read until it has them again; 1: open, has rollups; 2: closed, has totals too.
        CREATE TABLE hours (hour INTEGER PRIMARY KEY, state INTEGER NOT NULL) STRICT;
        INSERT INTO hours SELECT DISTINCT timestamp_us / 3600000000, 0 FROM requests;

        -- Parts of the text index: part n is the FTS5 table text_n over 8192 positions. A stale part is being made (up to a position) and not to be used.
        CREATE TABLE text_parts (
            part INTEGER PRIMARY KEY,
            stale INTEGER NOT NULL,
            indexed_to INTEGER NOT NULL,
            oldest_us INTEGER NOT NULL,
            newest_us INTEGER NOT NULL
        ) STRICT;
        INSERT INTO text_parts SELECT id >> 13, 1, 0, MIN(timestamp_us), MAX(timestamp_us) FROM requests GROUP BY id >> 13;
        """;

    /// <summary>Sums have more in them (loads, truncations): those there are made again, hour by hour, while the program runs.</summary>
    private const string Third =
        """
        DELETE FROM rollups;
        DELETE FROM totals;
        UPDATE hours SET state = 0;
        """;

    /// <summary>Hours that are closed are packed, which is done for those there are while the program runs.</summary>
    private const string Fourth =
        """
        -- Sums of an hour, many in one piece (HourPack): by all labels but the client, and by all labels. What is in rollups comes on top of them.
        CREATE TABLE packs (
            id INTEGER PRIMARY KEY,
            hour INTEGER NOT NULL,
            keys BLOB NOT NULL,
            sums BLOB NOT NULL,
            client_keys BLOB NOT NULL,
            client_sums BLOB NOT NULL
        ) STRICT;

        -- The packs of an hour, to be added up or removed.
        CREATE INDEX packs_by_hour ON packs (hour);

        DROP TABLE totals;
        UPDATE hours SET state = 1 WHERE state = 2;

        -- How many records there are: counting a million of them takes as long as adding up a day.
        ALTER TABLE positions ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
        UPDATE positions SET records = (SELECT COUNT(*) FROM requests);
        """;

    /// <summary>The sums of each client are a row, so that a query reads only the ones it needs. Existing packs are rebuilt from the rows.</summary>
    private const string Fifth =
        """
        DELETE FROM rollups WHERE hour IN (SELECT hour FROM packs);
        UPDATE hours SET state = 0 WHERE hour IN (SELECT hour FROM packs);
        UPDATE hours SET state = 1 WHERE state = 2;
        DROP TABLE packs;

        -- Sums of an hour, many in one piece (HourPack). What is in rollups comes on top of them.
        CREATE TABLE packs (
            id INTEGER PRIMARY KEY,
            hour INTEGER NOT NULL,
            keys BLOB NOT NULL,
            sums BLOB NOT NULL,
            clients BLOB NOT NULL
        ) STRICT;

        -- The packs of an hour, to be added up or removed.
        CREATE INDEX packs_by_hour ON packs (hour);

        -- The sums of a pack's clients (SqliteHourPacks.IdOfSums). They go with the pack.
        CREATE TABLE client_sums (id INTEGER PRIMARY KEY, sums BLOB NOT NULL) STRICT;
        CREATE TRIGGER client_sums_go AFTER DELETE ON packs BEGIN
            DELETE FROM client_sums WHERE id >= OLD.id * 16384 AND id < (OLD.id + 1) * 16384;
        END;
        """;

    /// <summary>
    /// Rows of earlier versions get the values that are recorded now: whether the answer was a stream, the name of a model without its scheme, the speed of
    /// <see cref="Domain.TokenSpeed"/> (pieces times mean gap is decoding time plus one mean gap), and no inference where the method ran none. All sums are made
    /// again from the rows while the program runs.
    /// </summary>
    private const string Sixth =
        """
        ALTER TABLE requests ADD COLUMN speed_estimated INTEGER NOT NULL DEFAULT 0;

        UPDATE requests SET stream = 1 WHERE time_to_first_token_us IS NOT NULL AND stream IS NOT 1;
        UPDATE requests SET model = replace(substr(model, instr(model, '://') + 3), 'registry.ollama.ai/library/', '') WHERE instr(model, '://') > 0;
        UPDATE requests SET is_inference = 0 WHERE is_inference = 1 AND (upper(method) <> 'POST' OR status_code IS 405);
        UPDATE requests SET speed_estimated = 1, tokens_per_second = output_tokens * 1e6 / (decode_time_us + mean_gap_us)
            WHERE tokens_per_second IS NULL AND eval_duration_us IS NULL AND output_tokens > 0 AND mean_gap_us > 0 AND decode_time_us > 0
            AND output_tokens * 1e6 / (decode_time_us + mean_gap_us) <= 10000
            AND (tool_call_count IS NULL OR output_tokens * mean_gap_us <= 2 * (decode_time_us + mean_gap_us));

        DELETE FROM rollups;
        DELETE FROM packs;
        UPDATE hours SET state = 0;
        """;
}
