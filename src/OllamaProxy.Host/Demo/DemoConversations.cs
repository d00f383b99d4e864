using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The topic of a conversation, which decides the applications that have it.</summary>
internal enum DemoTopic
{
    Chat,
    Code,
    Agent,
    Home,
    Documents,
    Image,
}

/// <summary>A prompt and its response.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Prompt">The user's prompt.</param>
/// <param name="Answer">The response of every model.</param>
internal sealed record DemoConversation(DemoTopic Topic, string Prompt, SimulatedAnswer Answer);

/// <summary>The conversations of the demo, in every category and several languages.</summary>
internal static class DemoConversations
{
    public static IReadOnlyList<DemoConversation> All { get; } =
    [
        New(DemoTopic.Code, "Write Python code that removes duplicates from a list and keeps the order.", """"
            Use a `dict`: since Python 3.7 it keeps the order of insertion.

            ```python
            def unique(items):
                """Return the items without duplicates, in their first order."""
                return list(dict.fromkeys(items))


            print(unique([3, 1, 3, 2, 1]))  # [3, 1, 2]
            ```

            **Notes**

            - It runs in O(n), because a `dict` is a hash table.
            - Items must be hashable. For lists or dicts, compare a key instead:

            ```python
            def unique_by(items, key):
                return list({key(item): item for item in reversed(items)}.values())[::-1]
            ```
            """", "The order matters, so set() is out. dict.fromkeys keeps the first occurrence. Mention unhashable items."),
        New(DemoTopic.Code, "Fix this error: NullReferenceException in CheckoutService.Total when the basket is empty.", """
            `basket.Lines` is `null` until the first item is added, so `Total` fails for an empty basket. Start with an empty list:

            ```diff
             public sealed class Basket
             {
            -    public List<Line>? Lines { get; set; }
            +    public List<Line> Lines { get; } = [];
             }
            ```

            Then `Total` needs no check at all:

            ```csharp
            public decimal Total(Basket basket) =>
                basket.Lines.Sum(line => line.Price * line.Quantity);
            ```

            Add a test for the empty basket, so that the error cannot return:

            ```csharp
            [Fact]
            public void An_empty_basket_costs_nothing() => Assert.Equal(0m, new CheckoutService().Total(new Basket()));
            ```
            """, "Where can null come from? Total reads basket.Lines. It is set only when an item is added. Fix the cause, not the symptom."),
        New(DemoTopic.Code, "Debug: my loop never ends when the input has an odd length.", """
            The loop compares with `!=`, and the index steps over the end when the length is odd:

            ```js
            for (let i = 0; i != text.length; i += 2) {  // 5 characters: 0, 2, 4, 6, 8 ...
              pairs.push(text.slice(i, i + 2));
            }
            ```

            Compare with `<` instead:

            ```js
            for (let i = 0; i < text.length; i += 2) {
              pairs.push(text.slice(i, i + 2));
            }
            ```

            The last pair then has one character, which `slice` handles.
            """),
        New(DemoTopic.Code, "Refactor this class so that it can be tested without a database.", """
            ## The problem

            `ReportService` creates its own `SqlConnection`, so every test needs a server.

            ## Steps

            1. Name what the class needs as an interface.
            2. Pass it to the constructor.
            3. Move the SQL into one implementation.

            ```csharp
            public interface IOrders
            {
                IAsyncEnumerable<Order> Since(DateOnly day);
            }

            public sealed class ReportService(IOrders orders)
            {
                public async Task<decimal> RevenueAsync(DateOnly since)
                {
                    var sum = 0m;
                    await foreach (var order in orders.Since(since))
                    {
                        sum += order.Total;
                    }

                    return sum;
                }
            }
            ```

            A test passes a list; only the SQL class needs a database.
            """, "They create the connection inside. Introduce an interface for the query, inject it. Keep it small, no repository framework."),
        New(DemoTopic.Code, "Write the SQL code for the three best-selling products per region.", """
            ```sql
            select region, product, revenue
            from (
                select region, product, sum(price * quantity) as revenue,
                       rank() over (partition by region order by sum(price * quantity) desc) as place
                from sales
                group by region, product
            ) as ranked
            where place <= 3
            order by region, place;
            ```

            `rank()` keeps ties, so a region may have more than three rows. Use `row_number()` for exactly three.
            """),
        New(DemoTopic.Code, "Explain how a hash table works.", """
            Think of a **cloakroom** with numbered hooks.

            1. The *hash function* turns each name into a number.
            2. The coat goes on the hook with that number.
            3. To find it, compute the number again and go straight there.

            | Operation | Average | Worst case |
            |---|---:|---:|
            | insert | O(1) | O(n) |
            | find | O(1) | O(n) |
            | delete | O(1) | O(n) |

            Two names with the same number share a hook (a *collision*), and the attendant compares the few coats there.
            When the room gets full, it moves to one with twice as many hooks. More: [Hash table](https://en.wikipedia.org/wiki/Hash_table).
            """, "Use a picture: a cloakroom. Then complexity, collisions, resizing."),
        New(DemoTopic.Agent, "Why does the test suite fail on CI but not on my machine? Look at the workflow first.",
            "I will look at the workflow file.", "I need the workflow before I can say anything.",
            new("Read", """{"file_path":".github/workflows/test.yml"}""")),
        New(DemoTopic.Agent, "Analyze which files read the environment directly.",
            "I will search the sources.", "Search for GetEnvironmentVariable in src.",
            new("Grep", """{"pattern":"GetEnvironmentVariable","path":"src","output_mode":"files_with_matches"}""")),
        New(DemoTopic.Agent, "Run the unit tests and fix what fails.",
            "I will run the tests.", "First run them, then read the failures.",
            new("Bash", """{"command":"dotnet test --no-restore","description":"Run the unit tests"}""")),
        New(DemoTopic.Agent, "Explain what this commit changes, for the changelog.", """
            ### Changed

            - **Retries** wait twice as long each time, from 200 ms to 30 s, with a random part of 20 %.
            - A `Retry-After` header of the server counts more than our own pause.

            ### Fixed

            - A request with a body that cannot be read twice is not repeated (it was sent empty).

            The last one is a bug fix that users may notice: a failed upload now returns the error of the first attempt.
            """, "Three files changed: RetryHandler, its options and the tests. Summarize by effect, not by file."),
        New(DemoTopic.Home, "Turn on the light in the kitchen.",
            "Turned on the light in the kitchen.", "", new("HassTurnOn", """{"name":"Kitchen light","domain":["light"]}""")),
        New(DemoTopic.Home, "Stelle die Heizung im Bad auf 22 Grad.",
            "Die Heizung im Bad steht auf 22 Grad.", "", new("HassClimateSetTemperature", """{"area":"Bad","temperature":22}""")),
        New(DemoTopic.Home, "What is the temperature in the living room?",
            "It is 21.4 °C in the living room, and the window is closed.", "The sensor is in the context: 21.4."),
        New(DemoTopic.Chat, "Translate to French: The library opens at nine and closes at six.", """
            > La bibliothèque ouvre à neuf heures et ferme à dix-huit heures.

            *Dix-huit heures* is usual for opening hours; in conversation one also says *six heures du soir*.
            """),
        New(DemoTopic.Chat, "What is the capital of Mongolia, and why is it there?", """
            **Ulaanbaatar.** It began in 1639 as a *moving* monastery of felt tents, and settled in the valley of the Tuul in 1778,
            on the tea road between Beijing and Kyakhta.

            The valley has three things a city needs:

            - water all year round,
            - mountains that keep the wind away,
            - grass for the caravans' animals.

            Today half of the country's 3.5 million people live there.
            """, "Ulaanbaatar. Founded as Örgöö, nomadic monastery; settled 1778. Trade route."),
        New(DemoTopic.Chat, "Create a short story about a lighthouse keeper who is afraid of the dark.", """
            # The Keeper of Saltholm

            Every evening Mattis climbed the stairs an hour too early, and every evening he told himself that it was for the sake of the ships.

            The lamp took eleven minutes to warm. He knew each of them. In the fourth the gulls went quiet; in the seventh the sea lost its color.
            In the tenth he stopped looking at the window.

            One November the lamp did not light. He sat in the dark with a match that would not burn and heard, far out, a horn.
            *Someone else is afraid*, he thought. It was the first time the dark had company.

            He carried the bell up to the gallery, and rang it until morning.
            """, "A keeper afraid of the dark: irony. Keep it under 150 words, one turn, a quiet end."),
        New(DemoTopic.Chat, "List ten ideas for a rainy afternoon with children.", """
            1. A puppet theater from odd socks
            2. A treasure hunt with riddles
            3. Bread in the shape of animals
            4. A den of blankets and chairs
            5. Paper boats, and a race in the bathtub
            6. A museum of things found under the sofa
            7. Shadow animals on the wall
            8. A letter to a grandparent, with drawings
            9. A band from pots and spoons
            10. Rubber boots on: puddles need testing
            """),
        New(DemoTopic.Chat, "Help me plan a balanced week of dinners for four people.", """
            | Day | Dinner | Time |
            |---|---|---:|
            | Monday | Lentil soup with bread | 35 min |
            | Tuesday | Salmon, potatoes, green beans | 30 min |
            | Wednesday | Vegetable curry with rice | 40 min |
            | Thursday | Omelet and salad | 20 min |
            | Friday | Homemade pizza | 60 min |
            | Saturday | Chickpea stew | 45 min |
            | Sunday | Roast chicken, carrots | 90 min |

            **Cook once, eat twice:** double the lentil soup on Monday, and use Sunday's chicken for Monday's sandwiches.
            """),
        New(DemoTopic.Chat, "Schreibe eine freundliche Absage an einen Bewerber.", """
            **Betreff: Ihre Bewerbung als Entwickler**

            Guten Tag Herr Lindner,

            vielen Dank für das gute Gespräch am Dienstag. Wir haben uns für eine Bewerberin entschieden, die schon länger mit Messdaten arbeitet.

            Ihre Arbeitsproben haben uns gefallen. Im Frühjahr suchen wir Verstärkung für das Web-Team. Dürfen wir uns dann bei Ihnen melden?

            Mit freundlichen Grüßen
            """),
        New(DemoTopic.Chat, "Comment fait-on une bonne vinaigrette ?", """
            Comptez **une part de vinaigre pour trois parts d'huile**.

            1. Mélangez le vinaigre, le sel et une cuillère de moutarde.
            2. Versez l'huile en filet, en fouettant.
            3. Goûtez, puis poivrez.

            Le sel se dissout dans le vinaigre, pas dans l'huile : c'est pourquoi il vient en premier.
            """),
        New(DemoTopic.Chat, "日本の四季について短い詩を書いてください。", """
            春の風
            花びら一つ
            肩に乗る

            夏の夜
            蛍の道を
            子ら走る

            秋の空
            柿の赤さに
            鳥が鳴く

            冬の朝
            白き息して
            門を掃く
            """),
        New(DemoTopic.Documents, "Summarize this ticket in two sentences and name its priority.", """
            The export of invoices stops after 500 rows since version 4.2, without an error. The customer needs the file for the tax audit on Friday.

            **Priority: high**
            """),
        New(DemoTopic.Documents, "Analyze these sales figures and compare the two quarters.", """
            ## Result

            The second quarter is **14 % above** the first, nearly all of it from returning customers.

            | | Q1 | Q2 | Change |
            |---|---:|---:|---:|
            | Revenue | 412,300 | 470,100 | +14 % |
            | Orders | 5,120 | 5,410 | +6 % |
            | Average order | 80.53 | 86.89 | +8 % |
            | New customers | 903 | 876 | −3 % |

            New customers fell slightly. Look at the campaign that ended in March.
            """, "Compute the changes: 470.1/412.3 = 1.140. Orders 1.057. New customers 0.970."),
        New(DemoTopic.Documents, "Summarize this meeting transcript in five points.", """
            1. The move to the new warehouse is on **3 March**; two days without deliveries.
            2. Jonas orders the labels; the printer stays.
            3. The scanner software needs the update to 7.1 before.
            4. Customers get a mail one week ahead.
            5. Open: who has the keys on the weekend.
            """),
        New(DemoTopic.Image, "What is on this picture, and what is the total?", """
            A receipt of a hardware store from 14 October.

            | Item | Price |
            |---|---:|
            | Wood screws 4×40 | 6.49 |
            | Sandpaper, 5 sheets | 4.95 |
            | Varnish 750 ml | 18.90 |
            | **Total** | **30.34** |
            """),
        New(DemoTopic.Image, "Explain this chart in two sentences.", """
            The line shows the water level of the river from May to September; it falls by 1.2 m until mid-August and rises again after the storms.
            The dashed line is the mean of the last ten years, which this summer stays below all the time.
            """),
    ];

    private static readonly Dictionary<string, SimulatedAnswer> s_answers =
        All.ToDictionary(conversation => conversation.Prompt, conversation => conversation.Answer, StringComparer.Ordinal);

    /// <summary>A text to summarize.</summary>
    public static string Document { get; } = Meeting(5);

    /// <summary>A text much longer than a context of 2,048 tokens.</summary>
    public static string LongDocument { get; } = Meeting(30);

    private static string Meeting(int length) => string.Join('\n', Enumerable.Repeat("""
        Jonas: The new warehouse is ready on the third, so we lose two days of deliveries.
        Mira: Then customers should get a mail a week before. I will write it, but I need the dates from the carrier first.
        Jonas: The label printer stays, I only order new labels. What about the scanners?
        Ade: They need version 7.1 first, or they do not find the new shelves. I can do that on Thursday after six.
        """, length));

    /// <summary>The response to a prompt; a long document may follow the question.</summary>
    public static SimulatedAnswer? AnswerTo(string prompt) => s_answers.GetValueOrDefault(prompt.Split("\n\n", 2)[0]);

    private static DemoConversation New(DemoTopic topic, string prompt, string answer, string thinking = "", SimulatedToolCall? tool = null) =>
        new(topic, prompt, new SimulatedAnswer(answer) { Thinking = thinking, ToolCall = tool });
}
