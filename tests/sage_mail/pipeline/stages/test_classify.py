"""What kind of message it is."""

from __future__ import annotations

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline import Category, Decision, Field, Kind, Pipeline, Topic, default_pipeline
from tests.sage_mail.pipeline.drafts import Policy, mail

_LEAVE = {"List-Unsubscribe": "<https://news.example/leave>"}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return default_pipeline(Policy())


@pytest.mark.parametrize(
    ("subject", "text", "category"),
    [
        ("Printer", "The printer does not work and shows an error message.", Category.SUPPORT),
        ("Drucker", "Der Drucker funktioniert nicht, eine Fehlermeldung.", Category.SUPPORT),
        ("Imprimante", "Elle ne fonctionne plus, il y a un message d'erreur.", Category.SUPPORT),
        ("Impresora", "No funciona, muestra un mensaje de error.", Category.SUPPORT),
        ("Stampante", "Non funziona, c'è un messaggio di errore.", Category.SUPPORT),
        ("Purchase order 12", "We would like to order ten chairs.", Category.SALES),
        ("Bestellung 12", "Hiermit bestellen wir zehn Stühle.", Category.SALES),
        ("Server", "The server is down, it needs immediate attention!", Category.URGENT),
        ("Hi", "You have won the lottery! Claim your prize, act now.", Category.SPAM),
        ("Saturday", "Are you free for dinner? Lots of love, your mom", Category.PERSONAL),
        ("Lamp", "It is blue.", Category.GENERAL),
        ("", "", Category.GENERAL),
    ],
)  # fmt: skip
def test_words_tell(pipeline: Pipeline, subject: str, text: str, category: Category) -> None:
    """What people write tells what they want."""
    assert pipeline.decide(mail(subject, text)).category is category


def test_who_sends_to_many_is_a_newsletter_or_advertises(pipeline: Pipeline) -> None:
    """The header says that it went to many, the words which of the two."""
    news = mail("Issue 12", "In this issue: three articles.", headers=_LEAVE)
    advert = mail("Summer sale", "Up to 50% off, today only. Shop now!", headers=_LEAVE)
    assert pipeline.decide(news).category is Category.NEWSLETTER
    assert pipeline.decide(advert).category is Category.MARKETING


def test_members_of_a_list_are_no_customers(pipeline: Pipeline) -> None:
    """The same question is support in our mailbox and talk on a list."""
    text = "My printer does not work, I get an error message. Please help me."
    listed = {"List-Id": "<l.example>", "List-Post": "<mailto:l@lists.example>"}
    assert pipeline.decide(mail("Printer", text)).category is Category.SUPPORT
    assert pipeline.decide(mail("Printer", text, headers=listed)).category is Category.GENERAL


def test_an_answer_between_people_stays_personal(pipeline: Pipeline) -> None:
    """Whatever stands in what was answered."""
    text = (
        "Sure, see you tonight!\n\nOn Monday Kim wrote:\n"
        "> the server is down, an error message, a discount, a lottery, an order"
    )
    answer = mail("Re: dinner", text, headers={"In-Reply-To": "<1@mail.example>"})
    decision = pipeline.decide(answer)
    assert decision.category is Category.PERSONAL
    assert decision.target_folder is None


def test_what_a_program_answers_is_nobodys_request(pipeline: Pipeline) -> None:
    """An automatic reply quotes the subject of what it answers."""
    reply = mail(
        "Automatic reply: support request",
        "I am out of office until Monday.",
        headers={"Auto-Submitted": "auto-replied"},
    )
    assert pipeline.decide(reply).category is Category.GENERAL


def test_confidence_grows_with_the_evidence_and_shrinks_with_that_for_others(
    pipeline: Pipeline,
) -> None:
    """It is a probability of this category against the others, not a constant."""
    little = pipeline.decide(mail("Lamp", "It is broken."))
    more = pipeline.decide(mail("Lamp", "It is broken and shows an error message."))
    mixed = pipeline.decide(
        mail("Lamp", "It is broken and shows an error message. Is your invoice right?")
    )
    assert little.scores["support"] < more.scores["support"]
    assert mixed.confidence < more.confidence


def test_scores_are_probabilities_of_all_eight(pipeline: Pipeline) -> None:
    """They sum to one, and the highest is the decision's."""
    decision = pipeline.decide(mail("Order", "The invoice for our order, and a problem with it."))
    assert set(decision.scores) == set(Category)
    assert sum(decision.scores.values()) == pytest.approx(1)
    assert decision.confidence == max(decision.scores.values())
    assert decision.scores[decision.category] == decision.confidence


def test_reasons_say_which_rule_where_and_how_much(pipeline: Pipeline) -> None:
    """Every decision can be explained, strongest reason first."""
    decision = pipeline.decide(
        mail("Bug report", "It does not work.", headers={"In-Reply-To": "<1@mail.example>"})
    )
    told = {(reason.target, reason.rule, reason.field) for reason in decision.reasons}
    assert ("support", "bug report", Field.SUBJECT) in told
    assert ("support", "does not work", Field.BODY) in told
    assert ("personal", "reply", Field.HEADERS) in told
    weights = [abs(reason.weight) for reason in decision.reasons]
    assert weights == sorted(weights, reverse=True)


def test_each_further_word_counts_less(pipeline: Pipeline) -> None:
    """Words of one subject come together, so that they are no independent evidence."""
    decision = pipeline.decide(
        mail("Lamp", "It stopped working, is broken, not working, is broken.")
    )
    counted = [reason.weight for reason in decision.reasons if reason.target == "support"]
    assert len(set(counted)) == len(counted)


def test_a_long_text_needs_more(pipeline: Pipeline) -> None:
    """In a long text a word may stand by chance."""
    short = pipeline.decide(mail("Lamp", "It is broken."))
    padded = pipeline.decide(mail("Lamp", "It is broken. " + "And so they went on. " * 150))
    assert padded.scores["support"] < short.scores["support"]


@pytest.mark.parametrize(
    ("subject", "text", "attach", "kind"),
    [
        ("Lamp", "It does not work, I get an error message.", "image/png", Kind.SUPPORT),
        ("Purchase order 12", "We would like to order ten chairs.", "image/png", Kind.ORDER),
        ("The lake", "Look at this.", "image/png", Kind.ATTACHMENTS),
        ("The lake", "It was cold.", "", Kind.GENERAL),
    ],
)
def test_the_kind_follows_the_guides_order(
    pipeline: Pipeline, subject: str, text: str, attach: str, kind: Kind
) -> None:
    """Support before orders, orders before attachments."""
    assert pipeline.decide(mail(subject, text, attach=attach)).kind is kind


@pytest.mark.parametrize(
    ("subject", "text", "attach", "topic"),
    [
        ("Meeting on Monday", "At ten, as always.", "", Topic.CALENDAR),
        ("Monday", "At ten, as always.", "text/calendar", Topic.CALENDAR),
        ("Lamp", "It does not work, I get an error message.", "", Topic.SUPPORT),
        ("Purchase order 12", "We would like to order ten chairs.", "", Topic.SALES),
        ("Our newsletter", "In this issue: chairs. Unsubscribe here.", "", Topic.NEWSLETTER),
        ("The lake", "It was cold.", "", Topic.GENERAL),
    ],
)
def test_the_topic_knows_the_calendar(
    pipeline: Pipeline, subject: str, text: str, attach: str, topic: Topic
) -> None:
    """The topics of the guide's notifications."""
    assert pipeline.decide(mail(subject, text, attach=attach)).topic is topic


def test_users_add_words_of_their_own() -> None:
    """A list in the package's format is laid over it."""
    own = {"own.toml": '[support.text]\ndecisive = ["zwobble is stuck"]'}
    pipeline = default_pipeline(Policy(), word_lists=own)
    message = mail("Zwobble", "The zwobble is stuck.")
    assert pipeline.decide(message).category is Category.SUPPORT
    assert default_pipeline(Policy()).decide(message).category is Category.GENERAL


def test_a_message_without_anything_is_decided(pipeline: Pipeline) -> None:
    """No sender, no subject, no body: nothing in particular, and no error."""
    for raw in (b"", b"\r\n", b"Subject: x\r\n\r\n", b"\x00\xff" * 40):
        decision = pipeline.decide(EmailMessage.from_bytes(raw))
        assert decision.errors == Decision().errors
        assert decision.target_folder is None
