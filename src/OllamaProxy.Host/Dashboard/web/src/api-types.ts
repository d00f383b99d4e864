/* Written by tests/dashboard/api-types.mjs from /analytics/openapi.json. */

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Index: {
            endpoints: string[];
        };
        Problem: {
            title: string;
            status: number;
            /** @default null */
            detail: string | null;
            /** @default null */
            errors: {
                [key: string]: string[];
            } | null;
        };
        Distribution: {
            count: number;
            mean: number | null;
            p5: number | null;
            p10: number | null;
            p50: number | null;
            p90: number | null;
            p95: number | null;
            p99: number | null;
            max: number | null;
        };
        Line: {
            requests: number;
            requests_per_minute: number;
            success: number;
            error: number;
            cancelled: number;
            input_tokens: number;
            cached_input_tokens: number;
            output_tokens: number;
            latency: components["schemas"]["Distribution"];
            time_to_first_token: components["schemas"]["Distribution"];
            tokens_per_second: components["schemas"]["Distribution"];
            loads: number;
            load_seconds: number;
            truncated: number;
        };
        Group: {
            name: string | null;
            numbers: components["schemas"]["Line"];
        };
        Part: {
            name: string | null;
            requests: number;
            error: number;
            input_tokens: number;
            output_tokens: number;
        };
        Step: {
            timestamp: number;
            numbers: components["schemas"]["Line"];
            parts: components["schemas"]["Part"][];
        };
        Bar: {
            above: number;
            up_to: number;
            count: number;
        };
        Stats: {
            backend: string;
            data_dir: string | null;
            queue_size: number;
            total_records: number;
            size_bytes: number;
            /** Format: date-time */
            oldest: string | null;
            /** Format: date-time */
            newest: string | null;
            /** Format: date-time */
            start_time: string | null;
            /** Format: date-time */
            end_time: string;
            percentile_error: number;
            client_count: number | null;
            model_count: number | null;
            total: components["schemas"]["Line"];
            models: components["schemas"]["Group"][] | null;
            endpoints: components["schemas"]["Group"][] | null;
            categories: components["schemas"]["Group"][] | null;
            clients: components["schemas"]["Group"][] | null;
            applications: components["schemas"]["Group"][] | null;
            outcomes: components["schemas"]["Group"][] | null;
            error_types: components["schemas"]["Group"][] | null;
            step_seconds: number | null;
            series: components["schemas"]["Step"][];
            latency_histogram: components["schemas"]["Bar"][];
            time_to_first_token_histogram: components["schemas"]["Bar"][];
            tokens_per_second_histogram: components["schemas"]["Bar"][];
            backends: components["schemas"]["Group"][] | null;
            proxies: components["schemas"]["Group"][] | null;
        };
        TopIp: {
            ip: string;
            request_count: number;
            avg_latency_ms: number;
            total_tokens: number;
        };
        TopModel: {
            model: string;
            request_count: number;
            avg_latency_ms: number;
            total_tokens: number;
        };
        Trend: {
            timestamp: number;
            request_count: number;
            avg_latency: number;
        };
        EnhancedStats: {
            total_requests: number;
            unique_ips: number;
            unique_models: number;
            avg_response_time_ms: number;
            avg_input_tokens: number;
            avg_output_tokens: number;
            avg_tokens_per_second: number;
            requests_per_minute: number;
            success_rate_percent: number;
            error_rate_percent: number;
            top_ips: components["schemas"]["TopIp"][];
            top_models: components["schemas"]["TopModel"][];
            recent_trend: components["schemas"]["Trend"][];
            time_range_hours: number;
            /** Format: date-time */
            data_start_time: string;
            /** Format: date-time */
            data_end_time: string;
        };
        Record: {
            id: number | null;
            model: string | null;
            endpoint: string;
            prompt: string | null;
            category: string;
            response: string | null;
            latency: number;
            output_tokens: number | null;
            tokens_per_second: number | null;
            input_tokens: number | null;
            load_duration: number | null;
            total_duration: number | null;
            status_code: number | null;
            error: string | null;
            user_agent: string | null;
            client_ip: string | null;
            user: string | null;
            cost: number | null;
            status: string;
            queue_time: number | null;
            time_to_first_token: number | null;
            metadata: string | null;
            timestamp: number;
            request_id: string;
            outcome: string;
            thinking: string | null;
            system: string | null;
            tool_calls: string | null;
            finish_reason: string | null;
            stream: boolean | null;
            cached_input_tokens: number | null;
            tokens_estimated: boolean;
            prompt_eval_duration: number | null;
            eval_duration: number | null;
            mean_gap: number | null;
            longest_gap: number | null;
            time_to_headers: number | null;
            method: string;
            request_bytes: number;
            response_bytes: number;
            message_count: number | null;
            image_count: number | null;
            tool_count: number | null;
            num_ctx: number | null;
            temperature: number | null;
            is_inference: boolean;
            /** Format: date-time */
            started_at: string;
            connect_time: number | null;
            engine_wait: number | null;
            decode_time: number | null;
            client_backpressure: number | null;
            prompt_tokens_per_second: number | null;
            error_type: string | null;
            truncation: string | null;
            load_cause: string | null;
            application: string | null;
            target: string | null;
            max_tokens: number | null;
            keep_alive: string | null;
            tool_call_count: number | null;
            model_name: string | null;
            tokens_per_second_estimated: boolean;
            response_wait: number | null;
            proxy: string | null;
            backend: string | null;
        };
        Search: {
            results: components["schemas"]["Record"][];
            count: number;
            next_cursor: string | null;
        };
        Deleted: {
            deleted: number;
        };
        LoadedModel: {
            name: string;
            size_bytes: number;
            vram_bytes: number;
            context_length: number | null;
            /** Format: date-time */
            expires_at: string | null;
            family: string | null;
            parameter_size: string | null;
            quantization: string | null;
        };
        Ollama: {
            state: string;
            ollama_host: string;
            is_up: boolean | null;
            problem: string | null;
            /** Format: date-time */
            checked_at: string | null;
            process_id: number | null;
            version: string | null;
            installed_models: number | null;
            installed_bytes: number | null;
            loaded_bytes: number | null;
            loaded_vram_bytes: number | null;
            models: components["schemas"]["LoadedModel"][] | null;
            active_requests: number;
            waiting_requests: number;
        };
        Test: {
            status: string;
            ollama_host: string;
            ollama_reachable: boolean;
            models?: string[] | null;
            error?: string | null;
        };
        Running: {
            request_id: string;
            phase: string;
            /** Format: date-time */
            started_at: string;
            endpoint: string;
            method: string;
            model: string | null;
            client_ip: string | null;
            user_agent: string | null;
            application: string | null;
            elapsed: number;
            output_tokens: number;
        };
        Missed: {
            count: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
