"""Models of a blog, for the tests of references."""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, String, Table
from sqlalchemy.orm import relationship

from tests.parts.database.support import fresh_base


def blog() -> SimpleNamespace:
    """Return models with every shape of reference: to itself, over a table, of two columns."""
    base = fresh_base("blog")
    tagged = Table(
        "tagged",
        base.metadata,
        Column("article_id", ForeignKey("articles.id"), primary_key=True),
        Column("tag_id", ForeignKey("tags.id"), primary_key=True),
    )

    class Article(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "articles"
        id = Column(Integer, primary_key=True)
        title = Column(String(40), unique=True)
        comments = relationship("Comment", back_populates="article", cascade="all, delete-orphan")
        tags = relationship("Tag", secondary=tagged, back_populates="articles")

    class Comment(base):  # type: ignore[misc, valid-type]
        __tablename__ = "comments"
        id = Column(Integer, primary_key=True)
        text = Column(String(40))
        article_id = Column(ForeignKey("articles.id"))
        answers_id = Column(ForeignKey("comments.id"))
        article = relationship("Article", back_populates="comments")
        answers = relationship("Comment", remote_side=[id])

    class Tag(base):  # type: ignore[misc, valid-type]
        __tablename__ = "tags"
        id = Column(Integer, primary_key=True)
        name = Column(String(40), unique=True)
        articles = relationship("Article", secondary=tagged, back_populates="tags")

    class Seat(base):  # type: ignore[misc, valid-type]
        __tablename__ = "seats"
        row = Column(Integer, primary_key=True)
        place = Column(Integer, primary_key=True)

    class Ticket(base):  # type: ignore[misc, valid-type]
        __tablename__ = "tickets"
        id = Column(Integer, primary_key=True)
        row = Column(Integer)
        place = Column(Integer)
        seat = relationship("Seat")
        __table_args__ = (ForeignKeyConstraint(["row", "place"], ["seats.row", "seats.place"]),)

    return SimpleNamespace(
        base=base,
        Article=Article,
        Comment=Comment,
        Tag=Tag,
        Seat=Seat,
        Ticket=Ticket,
        tagged=tagged,
    )
